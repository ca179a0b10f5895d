/**
 * Names and words that the speech is likely to contain, as an automaton over their tokens. Tracks which of them a text is in
 * the middle of and the bonus for complete ones. A partial word earns nothing: text that starts like a name and continues
 * otherwise keeps the model's score. Decoders that look at one frame after the other can't wait for complete words: for them
 * `score` counts the partial words, too, and takes back what was given as soon as one ends early.
 */
import { UNSPACED_SCRIPTS } from '#daemon/protocol/unspaced-scripts.js';

export interface WordTokenizer {
  encode(text: string): number[];
  decode(tokens: readonly number[]): string;
}

interface TrieNode {
  readonly next: Map<number, TrieNode>;
  /** Tokens from the start of the word. */
  readonly depth: number;
  /** Bonus of the word that ends here; 0 if none does. */
  bonus: number;
  /** The largest bonus in this subtree. */
  maxBonusBelow: number;
}

/** A word that the text is in the middle of. */
interface Path {
  readonly node: TrieNode;
  /** Bonus of the text when the word started. Words inside it count as part of it. */
  readonly bonusAtStart: number;
  /** End node of the word directly before it. */
  readonly previousWord: TrieNode | undefined;
}

/** The position of a text among the words. */
export interface HotwordState {
  /** Bonus for complete words, in nats. */
  readonly earnedBonus: number;
  readonly paths: readonly Path[];
  /** Whether the text ends with a letter or digit, so that a letter continues the same word. */
  readonly isInWord: boolean;
}

export const INITIAL_STATE: HotwordState = { earnedBonus: 0, paths: [], isInWord: false };

/** Tuned on one half of the clips (test/bench/baseline/hotwords.md). */
export const BONUS_NATS_PER_TOKEN = 2;

/** The bonus of the first tokens of a word, in nats. */
export type BonusOfTokens = (tokens: number) => number;

/**
 * In longer lists each word is less likely to occur, so its bonus shrinks. Without this, some of 500 names appear wherever
 * the speech sounds like one of them.
 */
const SHORT_LIST_WORDS = 100;

const BEGINS_INSIDE = new RegExp(`^(?![${UNSPACED_SCRIPTS}])[\\p{L}\\p{N}\\p{M}]`, 'u');
const ENDS_INSIDE = new RegExp(`(?![${UNSPACED_SCRIPTS}])[\\p{L}\\p{N}\\p{M}]$`, 'u');

interface Edges {
  readonly begins: boolean;
  readonly ends: boolean;
}

export class Hotwords {
  readonly #root: TrieNode = { next: new Map(), depth: 0, bonus: 0, maxBonusBelow: 0 };
  readonly #tokenizer: WordTokenizer;
  readonly #edges = new Map<number, Edges>();
  #tokens: readonly number[] | undefined;
  /** The words, trimmed, without duplicates. */
  readonly words: readonly string[];
  /** In nats per word. */
  readonly #listPenalty: number;
  readonly #bonusOfTokens: BonusOfTokens;

  /**
   * @param words plain text; empty ones are ignored
   * @param bonus nats per token of a word, or of its first tokens
   */
  constructor(
    words: readonly string[],
    tokenizer: WordTokenizer,
    bonus: number | BonusOfTokens = BONUS_NATS_PER_TOKEN,
  ) {
    this.#tokenizer = tokenizer;
    this.#bonusOfTokens = typeof bonus === 'number' ? (tokens) => bonus * tokens : bonus;
    this.words = [...new Set(words.map((word) => word.replace(/\s+/gu, ' ').trim()))].filter(
      (word) => word !== '',
    );
    this.#listPenalty = Math.max(0, Math.log(this.words.length / SHORT_LIST_WORDS));
    for (const word of this.words) {
      for (const form of spellingsOf(word)) this.#add(tokenizer.encode(form));
    }
  }

  get isEmpty(): boolean {
    return this.#root.next.size === 0;
  }

  /** All tokens of the words, without duplicates. */
  get tokens(): readonly number[] {
    return (this.#tokens ??= [...collectTokens(this.#root)]);
  }

  /** The state of a text after `token`. */
  advance(state: HotwordState, token: number): HotwordState {
    const { begins, ends } = this.#edgesOf(token);
    const isSameWord = state.isInWord && begins;
    let { earnedBonus } = state;
    let completed: TrieNode | undefined;
    const paths: Path[] = [];
    for (const { node, bonusAtStart: startBonus, previousWord } of state.paths) {
      if (!isSameWord && node.bonus > 0) {
        // A word earns once in a row, or repeating it would pay forever.
        if (node !== previousWord) earnedBonus = Math.max(earnedBonus, startBonus + node.bonus);
        completed ??= node;
      }
      const next = node.next.get(token);
      if (next !== undefined) paths.push({ node: next, bonusAtStart: startBonus, previousWord });
    }
    const started = isSameWord ? undefined : this.#root.next.get(token);
    if (started !== undefined)
      paths.push({ node: started, bonusAtStart: earnedBonus, previousWord: completed });
    return { earnedBonus, paths, isInWord: ends };
  }

  /** The state of a text that follows `tokens`, without a bonus yet. */
  behind(tokens: readonly number[]): HotwordState {
    const { earnedBonus, paths, isInWord } = tokens.reduce(
      (at, token) => this.advance(at, token),
      INITIAL_STATE,
    );
    return {
      earnedBonus: 0,
      paths: paths.map((path) => ({ ...path, bonusAtStart: path.bonusAtStart - earnedBonus })),
      isInWord,
    };
  }

  /** Tokens that continue a word or start one, with its maximum bonus. */
  *continuations({
    paths,
    earnedBonus,
  }: HotwordState): Generator<readonly [token: number, maxBonus: number]> {
    for (const { node, bonusAtStart } of paths) {
      for (const [token, { maxBonusBelow }] of node.next)
        yield [token, bonusAtStart + maxBonusBelow - earnedBonus];
    }
    for (const [token, { maxBonusBelow }] of this.#root.next) yield [token, maxBonusBelow];
  }

  /**
   * Boosts for tokens that continue a word, for sampling, which cannot backtrack. Tokens that start a word get none, or the
   * text would fill with partial words.
   */
  boosts(tokens: readonly number[]): Map<number, number> {
    const { paths } = tokens.reduce((before, token) => this.advance(before, token), INITIAL_STATE);
    return new Map(
      paths.flatMap(({ node }) => {
        const more = this.#bonusOfTokens(node.depth + 1) - this.#bonusOfTokens(node.depth);
        return [...node.next.keys()].map((token) => [token, more]);
      }),
    );
  }

  /** What a text has: the bonus of its complete words, and of a started one if it ended here. */
  score(state: HotwordState): number {
    return state.earnedBonus + this.partialBonus(state);
  }

  /** The bonus of the complete words of a text that ends here. */
  finalScore({ paths, earnedBonus }: HotwordState): number {
    return paths.reduce(
      (best, { node, bonusAtStart, previousWord }) =>
        node.bonus > 0 && node !== previousWord ? Math.max(best, bonusAtStart + node.bonus) : best,
      earnedBonus,
    );
  }

  /** Adds to the score of each token of a vocabulary what `score` gains by it: less than 0 if it ends a word early. */
  reward(scores: Float32Array, state: HotwordState): void {
    const before = this.score(state);
    const ended = this.finalScore(state);
    // Tokens that continue no listed word.
    const other = (token: number): number =>
      state.isInWord && this.#edgesOf(token).begins ? state.earnedBonus : ended;
    const listed = new Map<number, number>();
    const offer = (token: number, score: number): void => {
      if (score > (listed.get(token) ?? other(token))) listed.set(token, score);
    };
    for (const { node, bonusAtStart } of state.paths) {
      for (const token of node.next.keys()) offer(token, bonusAtStart + this.#bonusOf(node.depth + 1));
    }
    const first = this.#bonusOf(1);
    for (const token of first > 0 ? this.#root.next.keys() : []) {
      if (!state.isInWord || !this.#edgesOf(token).begins) offer(token, ended + first);
    }
    if (before !== ended || before !== state.earnedBonus) {
      for (const [token, score] of scores.entries()) scores[token] = score + other(token) - before;
    }
    for (const [token, score] of listed) {
      if (token < scores.length) scores[token] = (scores[token] ?? 0) + score - other(token);
    }
  }

  /** Maximum bonus of the started words. */
  maxBonus({ paths, earnedBonus }: HotwordState): number {
    return paths.reduce(
      (max, { node, bonusAtStart }) => Math.max(max, bonusAtStart + node.maxBonusBelow - earnedBonus),
      0,
    );
  }

  /** The bonus of the started words if they ended here. */
  partialBonus({ paths, earnedBonus }: HotwordState): number {
    return paths.reduce(
      (max, { node, bonusAtStart }) => Math.max(max, bonusAtStart + this.#bonusOf(node.depth) - earnedBonus),
      0,
    );
  }

  /** Whether the last token continued a word. */
  isInsideWord({ paths }: HotwordState): boolean {
    return paths.some(({ node }) => node.depth > 1);
  }

  #bonusOf(tokens: number): number {
    return Math.max(0, this.#bonusOfTokens(tokens) - this.#listPenalty);
  }

  #add(tokens: readonly number[]): void {
    const bonus = this.#bonusOf(tokens.length);
    let node = this.#root;
    for (const token of tokens) {
      let next = node.next.get(token);
      if (next === undefined) {
        next = { next: new Map(), depth: node.depth + 1, bonus: 0, maxBonusBelow: 0 };
        node.next.set(token, next);
      }
      node = next;
      node.maxBonusBelow = Math.max(node.maxBonusBelow, bonus);
    }
    if (node !== this.#root) node.bonus = bonus;
  }

  #edgesOf(token: number): Edges {
    let edges = this.#edges.get(token);
    if (edges === undefined) {
      const text = this.#tokenizer.decode([token]);
      edges = { begins: BEGINS_INSIDE.test(text), ends: ENDS_INSIDE.test(text) };
      this.#edges.set(token, edges);
    }
    return edges;
  }
}

function collectTokens({ next }: TrieNode, found = new Set<number>()): Set<number> {
  for (const [token, node] of next) collectTokens(node, found.add(token));
  return found;
}

/** As given and capitalized as at the start of a sentence, each with and without a leading space. */
function spellingsOf(word: string): string[] {
  const [first = ''] = word;
  const capital = first.toUpperCase() + word.slice(first.length);
  return [...new Set([word, capital])].flatMap((form) => [` ${form}`, form]);
}
