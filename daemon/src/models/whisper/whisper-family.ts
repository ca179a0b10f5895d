import type { ModelFamily } from '../speech-model.js';
import { readConfig } from './checkpoint/load-whisper.js';
import { convert, inspect } from './checkpoint/convert.js';
import { WhisperModel } from './index.js';
import { bytesPerToken } from './memory/bytes-per-token.js';
import { whisperFootprint } from './memory/whisper-footprint.js';
import { compareWithReference } from './reference-comparison.js';
import { whisperCapabilities } from './whisper-capabilities.js';
import { isWhisperConfig } from './whisper-config.js';

export const whisperFamily: ModelFamily = {
  name: 'whisper',
  recognizes: isWhisperConfig,
  load: (dir, options) => WhisperModel.load(dir, options),
  capabilities: async (dir) => whisperCapabilities(await readConfig(dir)),
  footprint: whisperFootprint,
  inspect,
  convert,
  bytesPerToken,
  compareWithReference,
};
