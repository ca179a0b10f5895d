import type { Capabilities } from '#daemon/protocol/capabilities.js';

/** Of a scripted model that transcribes. */
export const RECOGNIZES = {
  transcribe: {
    languages: ['en'],
    translates: false,
    streams: true,
    wordTimestamps: true,
    hotwords: true,
    prompt: true,
  },
} satisfies Capabilities;
