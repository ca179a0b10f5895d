import type { Capabilities } from '#daemon/protocol/capabilities.js';

import type { ParakeetConfig } from './parakeet-config.js';
import { languagesOf } from './parakeet-languages.js';

export function parakeetCapabilities(config: ParakeetConfig) {
  return {
    transcribe: {
      languages: languagesOf(config),
      translates: false,
      streams: true,
      wordTimestamps: true,
      hotwords: true,
      beamSize: true,
      prompt: false,
    },
  } satisfies Capabilities;
}
