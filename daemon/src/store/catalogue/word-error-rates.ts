/** Word errors of the models in the catalogue, measured here or published. */

/**
 * In %, measured with `npm run wer` over the 43 open recordings of assets/models/README.md (English, one long recording,
 * seven other languages).
 */
const MEASURED: Readonly<Record<string, number>> = {
  'whisper-base-6bit': 13.5,
  'whisper-base': 13.6,
  'whisper-base-8bit': 13.6,
  'whisper-base-4bit': 16.9,
};

const LEADERBOARD = 'Open ASR Leaderboard, English';
const LIBRISPEECH = 'LibriSpeech clean, English';

/** In %, published for the float16 model. The leaderboard's are means over eight English sets. */
const PUBLISHED: Readonly<Record<string, readonly [percent: number, source: string]>> = {
  'whisper-tiny.en': [12.8, LEADERBOARD],
  'whisper-base.en': [10.3, LEADERBOARD],
  'whisper-small.en': [8.6, LEADERBOARD],
  'whisper-large-v3': [7.4, LEADERBOARD],
  'whisper-large-v3-turbo': [7.8, LEADERBOARD],
  'parakeet-tdt-0.6b-v2': [6.05, LEADERBOARD],
  'parakeet-tdt-0.6b-v3': [6.3, LEADERBOARD],
  'parakeet-tdt_ctc-110m': [7.5, LEADERBOARD],
  'parakeet-rnnt-0.6b': [7.5, LEADERBOARD],
  'parakeet-ctc-0.6b': [7.7, LEADERBOARD],
  'nemotron-speech-streaming-en-0.6b': [7.2, 'NVIDIA, eight English sets'],
  'wav2vec2-base-960h': [3.4, LIBRISPEECH],
  'wav2vec2-large-960h-lv60-self': [1.9, LIBRISPEECH],
};

/** In %, of Parakeet v3 on FLEURS, by FluidAudio (its Core ML form); there is none for Portuguese. */
const PARAKEET_V3_FLEURS: Readonly<Record<string, number>> = {
  ...{ bg: 12.8, cs: 12, da: 20.2, de: 5.9, el: 36.9, es: 4.5, et: 20.1, fi: 14.8, fr: 5.9, hr: 14 },
  ...{ hu: 17.6, it: 4, lt: 25, lv: 27.1, mt: 25.2, nl: 7.8, pl: 8.6, ro: 14.4, ru: 7.2, sk: 12.6 },
  ...{ sl: 27.4, sv: 16.8, uk: 7.2 },
};
const FLEURS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  'parakeet-tdt-0.6b-v3': PARAKEET_V3_FLEURS,
};

export interface PublishedErrors {
  /** In %. */
  readonly percent: number;
  readonly source: string;
}

/** Measured, in %. @param name as in the catalogue, or of the starter model; undefined if it was not measured */
export function wordErrorRate(name: string): number | undefined {
  return MEASURED[name];
}

/**
 * Not comparable with `wordErrorRate`, which has other recordings.
 *
 * @param name of the float16 model
 * @param language a code; that of the language if it is published, else the model's own figure
 */
export function publishedErrors(name: string, language?: string): PublishedErrors | undefined {
  const ofLanguage = language === undefined ? undefined : FLEURS[name]?.[language];
  if (ofLanguage !== undefined) return { percent: ofLanguage, source: `FLEURS, ${language}, FluidAudio` };
  const [percent, source] = PUBLISHED[name] ?? [];
  return percent === undefined || source === undefined ? undefined : { percent, source };
}

/** `7.8`, `6.05` */
export function percentText(percent: number): string {
  return percent.toFixed(2).replace(/0$/, '');
}
