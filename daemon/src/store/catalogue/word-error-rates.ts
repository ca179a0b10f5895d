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

/** In %, mean over the eight English sets of the Open ASR Leaderboard; of the float16 model. */
const PUBLISHED: Readonly<Record<string, number>> = {
  'whisper-tiny.en': 12.8,
  'whisper-base.en': 10.3,
  'whisper-small.en': 8.6,
  'whisper-large-v3': 7.4,
  'whisper-large-v3-turbo': 7.8,
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

/** Not comparable with `wordErrorRate`, which has other recordings. @param name of the float16 model */
export function publishedErrors(name: string): PublishedErrors | undefined {
  const percent = PUBLISHED[name];
  return percent === undefined ? undefined : { percent, source: 'Open ASR Leaderboard, English' };
}
