/** Array names of mlx-whisper and OpenAI, which are the fields of the network. */
import type { WhisperNaming } from './whisper-namings.js';

/** Computed, not learned; early converters stored them. */
const POSITIONS = new Set(['encoder.positional_embedding', 'encoder._positional_embedding']);

/** Unused: the mask follows from the length. */
const IGNORED = new Set(['decoder._mask', 'decoder.mask']);

export const mlxNaming: WhisperNaming = {
  layout: 'mlx',
  recognizes: (names) => names.has('decoder.token_embedding.weight'),
  roleOf: (stored) => {
    if (stored === 'alignment_heads') return { role: 'alignment heads' };
    if (POSITIONS.has(stored)) return { role: 'positions' };
    if (IGNORED.has(stored)) return { role: 'ignored' };
    return { role: 'weight', name: stored };
  },
};
