import type { Capabilities } from '#daemon/protocol/capabilities.js';

import type { NemotronConfig } from './nemotron-config.js';
import { languagesOf } from './nemotron-languages.js';

export function nemotronCapabilities(config: NemotronConfig) {
  return {
    transcribe: {
      languages: languagesOf(config),
      translates: false,
      streams: true,
      wordTimestamps: true,
      hotwords: true,
      prompt: false,
    },
  } satisfies Capabilities;
}
