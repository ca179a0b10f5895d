/** What transcribing again costs in words once audio went through a codec. */

interface RoundTrip {
  /** Wrong words of 100 in clean read speech: of the original, and of what the codec gives back. */
  readonly original: number;
  readonly decoded: number;
}

/** By family, with all codebooks: Whisper base, `npm run bench -- codec-quality` (test/bench/baseline/codec-quality.md). */
const MEASURED: Readonly<Record<string, RoundTrip>> = { lyra: { original: 3.7, decoded: 5 } };

/** A line for the user. @param family of the codec */
export function roundTripText(family: string): string {
  const measured = MEASURED[family];
  if (measured === undefined)
    return 'How many more words are wrong if it is transcribed again was not measured for this codec.';
  const { original, decoded } = measured;
  return `Transcribed again, ${decoded} of 100 words of clear speech were wrong instead of ${original}. Texts stay as they are.`;
}
