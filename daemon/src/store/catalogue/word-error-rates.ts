/**
 * Word error rates in %, measured with `npm run wer` over the 43 open recordings of assets/models/README.md
 * (English, one long recording, seven other languages). Models that weren't measured are missing.
 */
const WORD_ERROR_RATES: Readonly<Record<string, number>> = {
  'whisper-base-6bit': 13.5,
  'whisper-base': 13.6,
  'whisper-base-8bit': 13.6,
  'whisper-base-4bit': 16.9,
};

/** @param name as in the catalogue, or of the starter model */
export function wordErrorRate(name: string): number | undefined {
  return WORD_ERROR_RATES[name];
}
