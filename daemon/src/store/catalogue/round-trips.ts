/** What transcribing costs in words once audio went through a codec. */

interface RoundTrip {
  /** Wrong words of 100: of the original, and of what the codec gives back. */
  readonly original: number;
  readonly decoded: number;
}

/** By family, with all codebooks and the included model: `npm run bench -- codec-quality`. */
const MEASURED: Readonly<Record<string, RoundTrip>> = {};

/** A line for the user. @param family of the codec */
export function roundTripText(family: string): string {
  const measured = MEASURED[family];
  return measured === undefined
    ? 'How many more words are wrong if it is transcribed again has not been measured for this codec.'
    : `Transcribed again, ${measured.decoded} of 100 words are wrong instead of ${measured.original}; texts stay as they are.`;
}
