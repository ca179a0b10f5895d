/** The decoded text after the committed text, of any family. Frames are 20 ms long. */
export interface Hypothesis {
  readonly tokens: readonly number[];
  /** Whether the text may be cut before each token. */
  readonly cuts: readonly boolean[];
  /**
   * Frames of audio after the evidence for each token: after the frame of most attention, or of the emission with CTC.
   * Negative if it lies beyond the audio. Infinity for a token that later audio can't change, as with a transducer.
   */
  readonly edgeFrames: readonly number[];
  /** Probability of the least probable token of each token's word, ignoring punctuation. */
  readonly probabilities: readonly number[];
  /** Consecutive decode steps that agree on each token's word; 1 for a new word. */
  readonly agreementCount: readonly number[];
  /** Whether the model sampled the end of the text. */
  readonly ended: boolean;
}

/**
 * Whether each token begins a word. `pieces` are the texts of the tokens; a character of several tokens belongs to the
 * last of them.
 */
export function wordStarts(pieces: readonly string[], isSpaced: boolean): boolean[] {
  // Without spaces a word may begin at any character after a complete one.
  return pieces.map((piece, i) => (isSpaced ? /^\s/.test(piece) : i === 0 || pieces[i - 1] !== ''));
}

/**
 * Whether a text may be cut before each piece: where words begin, and before punctuation that ends a clause. Punctuation
 * often changes with more audio; the word before it does not.
 */
export function cutsOf(pieces: readonly string[], isSpaced: boolean): boolean[] {
  const startsWord = wordStarts(pieces, isSpaced);
  return pieces.map((piece, i) => {
    if (startsWord[i] === true) return true;
    // Not before the comma of a number.
    return /^[.,;:!?…]+$/.test(piece) && /\p{L}$/u.test(pieces[i - 1] ?? '');
  });
}

/** A word of a hypothesis: a range of its tokens, and the frame where it starts. */
export interface HypothesisWord {
  /** Normalized for comparison: lowercase, without punctuation. */
  readonly text: string;
  readonly from: number;
  readonly to: number;
  readonly startFrame: number;
}

/** Groups pieces into words; punctuation belongs to the word before it. */
export function hypothesisWords(
  pieces: readonly string[],
  starts: readonly number[],
  spaced: boolean,
): HypothesisWord[] {
  const begins = wordStarts(pieces, spaced);
  const words: HypothesisWord[] = [];
  for (let from = 0; from < pieces.length;) {
    let to = from + 1;
    while (to < pieces.length && begins[to] !== true) to++;
    const text = plainText(pieces.slice(from, to).join(''));
    words.push({ text, from, to, startFrame: starts[from] ?? 0 });
    from = to;
  }
  return words;
}

/** Whether a piece is punctuation only. */
export function isMark(piece: string): boolean {
  return plainText(piece) === '';
}

function plainText(text: string): string {
  return text.toLowerCase().replace(/[^\p{L}\p{N}\p{M}]/gu, '');
}

/** For each token, the probability of the least probable token of its word, ignoring punctuation. */
export function wordProbabilities(
  words: readonly HypothesisWord[],
  pieces: readonly string[],
  probabilities: readonly number[],
): number[] {
  return words.flatMap(({ from, to }) => {
    let probability = 1;
    for (let i = from; i < to; i++) {
      if (!isMark(pieces[i] ?? '')) probability = Math.min(probability, probabilities[i] ?? 0);
    }
    return new Array<number>(to - from).fill(probability);
  });
}

/** A word that moved by at most this much since the previous decode step is the same word. */
const MAX_SHIFT_FRAMES = 20;

/** For each token, the consecutive decode steps that have its word at about the same time. */
export function countAgreements(
  words: readonly HypothesisWord[],
  previous:
    { readonly words: readonly HypothesisWord[]; readonly agreementCount: readonly number[] } | undefined,
): number[] {
  let at = 0;
  return words.flatMap(({ text, from, to, startFrame }) => {
    const found = previous?.words.findIndex(
      (word, i) =>
        i >= at && word.text === text && Math.abs(word.startFrame - startFrame) <= MAX_SHIFT_FRAMES,
    );
    let agreementCount = 1;
    if (previous !== undefined && found !== undefined && found >= 0) {
      agreementCount += previous.agreementCount[previous.words[found]?.from ?? 0] ?? 0;
      at = found + 1;
    }
    return new Array<number>(to - from).fill(agreementCount);
  });
}

/** The hypothesis without its first `count` tokens. */
export function dropFirst(hypothesis: Hypothesis, count: number): Hypothesis {
  const { tokens, cuts, edgeFrames, probabilities, agreementCount } = hypothesis;
  return {
    ...hypothesis,
    tokens: tokens.slice(count),
    cuts: cuts.slice(count),
    edgeFrames: edgeFrames.slice(count),
    probabilities: probabilities.slice(count),
    agreementCount: agreementCount.slice(count),
  };
}

/**
 * The largest number of tokens ≤ `count` that ends with a whole word. The last word of a hypothesis is whole only if the
 * text has ended.
 */
export function countWholeWords({ tokens, cuts, ended }: Hypothesis, count: number): number {
  for (let end = Math.min(count, tokens.length); end > 0; end--) {
    if (end === tokens.length ? ended : cuts[end] === true) return end;
  }
  return 0;
}

/**
 * `count` without the punctuation at its end, unless a word follows: more audio turns the period of a pause into a comma, and a
 * committed period makes the model begin a sentence. @param pieces texts of the tokens
 */
export function countWithoutLastMarks(
  { cuts }: Pick<Hypothesis, 'cuts'>,
  pieces: readonly string[],
  count: number,
): number {
  let end = count;
  // Before the first token is the committed text.
  const isCut = (i: number): boolean => i === 0 || cuts[i] === true;
  while (end > 0 && isCut(end - 1) && isMark(pieces[end - 1] ?? '')) end--;
  return end;
}
