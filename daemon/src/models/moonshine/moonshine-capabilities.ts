import type { Capabilities } from '#daemon/protocol/capabilities.js';

/** A published model knows one language; those of this layout with an English vocabulary know English. */
export const MOONSHINE_LANGUAGES = ['en'];

export const MOONSHINE_CAPABILITIES = {
  transcribe: {
    languages: MOONSHINE_LANGUAGES,
    translates: false,
    streams: true,
    wordTimestamps: false,
    hotwords: true,
    beamSize: true,
    prompt: false,
  },
} satisfies Capabilities;
