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
 * One block over a window, in activations [T, D]. Our kernels: queries, keys and values (3), the rotated ones (8), memory and
 * attention (5). MLX's ops add norms, biases and copies of heads, and on the CPU the scores of all heads.
 */
function windowBytes(config: S3Config, backend: Backend): number {
  const { n_audio_state: dims, n_audio_head: heads, n_mels: mels } = config;
  const positions = WINDOW_FRAMES / framesPerCode(config);
  const activation = positions * dims * FLOAT32;
  const mel = MEL_COPIES * WINDOW_FRAMES * mels * FLOAT32;
  const scores = heads * positions ** 2 * FLOAT32;
  switch (backend) {
    case 'kernels':
      return mel + 16 * activation;
    case 'cpu':
      return mel + 28 * activation + scores;
    case 'gpu':
      return mel + 2 * 20 * activation;
  }
}
