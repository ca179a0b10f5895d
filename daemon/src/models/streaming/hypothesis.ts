/** What a model makes of the audio heard so far, behind the text that is committed already. Frames are 20 ms long. */
export interface Hypothesis {
  readonly tokens: readonly number[];
  /** Whether what is before each token is whole, so that the text may be cut there. */
  readonly cuts: readonly boolean[];
  /** The frame that the model looked at most when it took each token; it may lie behind the audio. */
  readonly attendedFrames: readonly number[];
  /** How probable the least probable token of the word is that each token belongs to, marks left out. */
  readonly probabilities: readonly number[];
  /** In how many looks in a row the word that each token belongs to was said; 1 where it is new. */
  readonly agreementCount: readonly number[];
  /** Frames of the window that are audio. */
  readonly audioFrames: number;
  /** Whether the model says that nothing follows. */
  readonly ended: boolean;
}

/**
 * Whether each of some tokens begins a word. `pieces` are their texts, a character that spreads over several tokens being
 * with the last of them.
 */
export function wordStarts(pieces: readonly string[], spaced: boolean): boolean[] {
  // Without spaces any character may be where a word begins, as long as the one before it is whole.
  return pieces.map((piece, i) => (spaced ? /^\s/.test(piece) : i === 0 || pieces[i - 1] !== ''));
}

/**
 * Whether a text may be cut before each piece. That is where words begin, and before the marks that end a clause: what they
 * will be shows only when more is said, and the word in front of them does not change with them.
 */
export function cutsOf(pieces: readonly string[], spaced: boolean): boolean[] {
  const begins = wordStarts(pieces, spaced);
  return pieces.map((piece, i) => {
    if (begins[i] === true) return true;
    // A comma in a number is none of them.
    return /^[.,;:!?…]+$/.test(piece) && /\p{L}$/u.test(pieces[i - 1] ?? '');
  });
}

/** A word of a hypothesis: some of its tokens, from when they are said. */
export interface HypothesisWord {
  /** As it is compared: without case and marks. */
  readonly text: string;
  readonly from: number;
  readonly to: number;
  readonly startFrame: number;
}

/** The words of pieces; marks belong to the word before them. */
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

/** Whether a piece is nothing but marks. */
export function isMark(piece: string): boolean {
  return plainText(piece) === '';
}

function plainText(text: string): string {
  return text.toLowerCase().replace(/[^\p{L}\p{N}\p{M}]/gu, '');
}

/** A word that begins this much earlier or later than in the look before is still the same. */
const MAX_SHIFT_FRAMES = 20;

/** For each token, in how many looks in a row its word was said at about the same time. */
export function countAgreements(
  now: readonly HypothesisWord[],
  before:
    { readonly words: readonly HypothesisWord[]; readonly agreementCount: readonly number[] } | undefined,
): number[] {
  let at = 0;
  return now.flatMap(({ text, from, to, startFrame }) => {
    const found = before?.words.findIndex(
      (word, i) =>
        i >= at && word.text === text && Math.abs(word.startFrame - startFrame) <= MAX_SHIFT_FRAMES,
    );
    let agreementCount = 1;
    if (before !== undefined && found !== undefined && found >= 0) {
      agreementCount += before.agreementCount[before.words[found]?.from ?? 0] ?? 0;
      at = found + 1;
    }
    return new Array<number>(to - from).fill(agreementCount);
  });
}

/** What is left of a hypothesis when its first tokens are committed. */
export function dropFirst(hypothesis: Hypothesis, count: number): Hypothesis {
  const { tokens, cuts, attendedFrames, probabilities, agreementCount } = hypothesis;
  return {
    ...hypothesis,
    tokens: tokens.slice(count),
    cuts: cuts.slice(count),
    attendedFrames: attendedFrames.slice(count),
    probabilities: probabilities.slice(count),
    agreementCount: agreementCount.slice(count),
  };
}

/**
 * The largest count ≤ `count` of tokens that ends with a whole word. The last word of a hypothesis is whole only if
 * something follows it, or the model says that nothing does.
 */
export function countWholeWords({ tokens, cuts, ended }: Hypothesis, count: number): number {
  for (let end = Math.min(count, tokens.length); end > 0; end--) {
    if (end === tokens.length ? ended : cuts[end] === true) return end;
  }
  return 0;
}
