import type { Capabilities } from '#daemon/protocol/capabilities.js';

import { LANGUAGE_CODES } from './language/whisper-languages.js';
import { canTranslate } from './task.js';
import type { WhisperConfig } from './whisper-config.js';

export function whisperCapabilities(config: WhisperConfig): Capabilities {
  return {
    transcribe: {
      languages: languagesOf(config),
      translates: canTranslate(config),
      streams: true,
      wordTimestamps: true,
      hotwords: true,
      beamSize: true,
      prompt: true,
    },
  };
}

export function languagesOf({ isMultilingual, numLanguages }: WhisperConfig): string[] {
  return isMultilingual ? LANGUAGE_CODES.slice(0, numLanguages) : ['en'];
}
