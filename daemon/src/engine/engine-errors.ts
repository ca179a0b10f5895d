/** Maps failures of MLX, models and files to `SottoError`. */
import { messageOf, SottoError } from '#daemon/protocol/errors.js';
import { codedError } from '#daemon/protocol/file-errors.js';

/** The messages of MLX on Metal, MLX on CUDA, and plain `malloc`. */
const OUT_OF_MEMORY =
  /out of memory|insufficient memory|unable to allocate|bad_alloc|maximum (?:allowed )?buffer size|exceeds the maximum .*buffer|\[metal::malloc\] resource limit/i;
/**
 * After the error of a command buffer MLX continues with arrays of arbitrary content, and macOS may ignore
 * everything that the process submits from then on. Failing to create a command queue is no better.
 */
const GPU_FAILED = /\[METAL\] Command buffer execution failed|Failed to make new command queue|CUDA error/i;

export function engineError(thrown: unknown): SottoError {
  if (thrown instanceof SottoError) return thrown;
  const message = messageOf(thrown);
  if (OUT_OF_MEMORY.test(message)) {
    return new SottoError('ENGINE_OOM', 'the model and this audio do not fit into memory', { cause: thrown });
  }
  if (GPU_FAILED.test(message)) {
    return new SottoError('ENGINE_CRASHED', 'the GPU failed during a computation', { cause: thrown });
  }
  return codedError(thrown);
}

/**
 * The engine can't start at all: the message of `native` names what is missing and, after a semicolon, how to get
 * it.
 */
export function startError(thrown: unknown): SottoError {
  if (thrown instanceof SottoError) return thrown;
  const [problem = '', ...advice] = messageOf(thrown).split(/; (?=run )/);
  return new SottoError('ENGINE_UNAVAILABLE', `the speech engine can't start: ${problem}`, {
    hint: advice.length === 0 ? 'run `npm run setup` in the folder of Sotto' : advice.join('; '),
    cause: thrown,
  });
}
