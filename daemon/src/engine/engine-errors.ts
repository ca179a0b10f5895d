/** Failures of MLX, of models and of files, as the one error that everybody outside the engine knows. */
import { messageOf, SottoError } from '#daemon/protocol/errors.js';
import { codedError } from '#daemon/protocol/file-errors.js';

/** MLX on Metal, MLX on CUDA, and plain `malloc`, in their own words. */
const OUT_OF_MEMORY =
  /out of memory|insufficient memory|unable to allocate|bad_alloc|maximum (?:allowed )?buffer size|exceeds the maximum .*buffer|\[metal::malloc\] resource limit/i;
/**
 * After the error of a command buffer MLX continues with arrays that hold anything, and macOS may ignore all that the process
 * submits from then on. A command queue that can't be made is no better.
 */
const GPU_FAILED = /\[METAL\] Command buffer execution failed|Failed to make new command queue|CUDA error/i;

export function engineError(thrown: unknown): SottoError {
  if (thrown instanceof SottoError) return thrown;
  const message = messageOf(thrown);
  if (OUT_OF_MEMORY.test(message)) {
    return new SottoError('ENGINE_OOM', 'the model and this audio do not fit into memory', { cause: thrown });
  }
  if (GPU_FAILED.test(message)) {
    return new SottoError('ENGINE_CRASHED', 'the GPU failed while it computed', { cause: thrown });
  }
  return codedError(thrown);
}

/** The engine can't start at all: `native` says what is missing and, after a semicolon, how to get it. */
export function startError(thrown: unknown): SottoError {
  if (thrown instanceof SottoError) return thrown;
  const [problem = '', ...advice] = messageOf(thrown).split(/; (?=run )/);
  return new SottoError('ENGINE_UNAVAILABLE', `the speech engine can't start: ${problem}`, {
    hint: advice.length === 0 ? 'run `npm run setup` in the folder of Sotto' : advice.join('; '),
    cause: thrown,
  });
}
