/** Predicts the device memory of an S3 tokenizer. */
import { currentBackend, type Backend } from '../../memory/backend.js';
import type { Footprint } from '../../speech-model.js';
import { loadedBytes } from '../codec-footprint.js';
import { openS3Checkpoint, readS3Config } from './s3-checkpoint.js';
import { framesPerCode, WINDOW_FRAMES, type S3Config } from './s3-config.js';
import { fusedS3, S3Tokenizer } from './s3-network.js';

const FLOAT32 = 4;
/** Of a window: raw, clamped, scaled, padded, and one that is computed from another. */
const MEL_COPIES = 6;

/** @throws SottoError MODEL_NOT_FOUND, MODEL_CORRUPT or MODEL_UNSUPPORTED, as loading would */
export async function s3Footprint(dir: string): Promise<Footprint> {
  const config = await readS3Config(dir);
  (await openS3Checkpoint(dir, config)).close();
  return {
    weightBytes: loadedBytes(new S3Tokenizer(config), fusedS3),
    workBytes: windowBytes(config, currentBackend()),
  };
}

/**
 * Activations [T, D] of one block, measured on the CPU at full size, with its input. A memory adds rotated copies, and with MLX's
 * ops an input for each of 31 taps. A GPU is taken to fuse these, and queues the next block too.
 */
const ACTIVATIONS: Readonly<Record<Backend, { readonly plain: number; readonly memory: number }>> = {
  kernels: { plain: 12, memory: 20 },
  cpu: { plain: 28, memory: 66 },
  gpu: { plain: 32, memory: 48 },
};

/** One block over a window; on the CPU without our kernels with the scores of all heads. */
function windowBytes(config: S3Config, backend: Backend): number {
  const { n_audio_state: dims, n_audio_head: heads, n_mels: mels, memory } = config;
  const positions = WINDOW_FRAMES / framesPerCode(config);
  const activations = ACTIVATIONS[backend][memory ? 'memory' : 'plain'];
  const scores = backend === 'cpu' ? heads * positions ** 2 : 0;
  const frames = MEL_COPIES * WINDOW_FRAMES * mels;
  return FLOAT32 * (frames + activations * positions * dims + scores);
}
