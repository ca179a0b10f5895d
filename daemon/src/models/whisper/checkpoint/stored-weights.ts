import type { StoredWeights } from '../../checkpoint/weight-formats.js';
import { storedWeights as storedNamedWeights } from '../../checkpoint/weight-formats.js';
import { WHISPER_NAMINGS } from './whisper-namings.js';

/** Its dtype is that of the activations. */
export const POSITIONS = 'decoder.positional_embedding';

/** Formats of the weights of a Whisper directory. @throws SottoError as `openCheckpoint`; SafetensorsError */
export const storedWeights = (dir: string): Promise<StoredWeights> =>
  storedNamedWeights(dir, WHISPER_NAMINGS, POSITIONS);
