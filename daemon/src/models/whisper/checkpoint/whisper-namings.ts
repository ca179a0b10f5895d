import type { Naming, Namings } from '../../checkpoint/naming.js';
import { huggingFaceNaming } from './huggingface-names.js';
import { mlxNaming } from './mlx-names.js';

/** Arrays that are no weights of the network. */
export type WhisperRole = 'positions' | 'output layer' | 'alignment heads';

export type WhisperNaming = Naming<WhisperRole>;

export const WHISPER_NAMINGS: Namings<WhisperRole> = {
  family: 'Whisper',
  schemes: [mlxNaming, huggingFaceNaming],
};
