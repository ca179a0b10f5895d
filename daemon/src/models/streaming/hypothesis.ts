/** What a model makes of the audio heard so far, behind the text that is committed already. */
export interface Hypothesis {
  readonly tokens: readonly number[];
  /** Whether each token begins a word, so that the one before it is whole. */
  readonly begins: readonly boolean[];
  /** The frame that the model looked at most when it took each token; it may lie behind the audio. */
  readonly attended: readonly number[];
  /** Frames of the window that are audio. Frames are 20 ms long. */
  readonly audioFrames: number;
  /** Whether the model says that nothing follows. */
  readonly ended: boolean;
}

/**
 * Whether each of some tokens begins a word. `pieces` are their texts, a character that spreads over several tokens being
 * with the last of them.
 */
export function wordBeginnings(pieces: readonly string[], spaced: boolean): boolean[] {
  // Without spaces any character may be where a word begins, as long as the one before it is whole.
  return pieces.map((piece, i) => (spaced ? /^\s/.test(piece) : i === 0 || pieces[i - 1] !== ''));
}

/**
 * The largest count ≤ `count` of tokens that ends with a whole word. The last word of a hypothesis is whole only if
 * another one follows it, or the model says that nothing does.
 */
export function wholeWords({ tokens, begins, ended }: Hypothesis, count: number): number {
  for (let end = Math.min(count, tokens.length); end > 0; end--) {
    if (end === tokens.length ? ended : begins[end] === true) return end;
  }
  return 0;
}
