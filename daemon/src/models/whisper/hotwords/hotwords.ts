/**
 * Names and words that are likely to be said, as a prefix tree of their tokens: which of them a text is in the middle
 * of, and what it has earned by those that it has said in full. Nothing is earned by half a word: what looks like the
 * beginning of a name and goes on otherwise has the score that the model gave it.
 */
import { UNSPACED_SCRIPTS } from '#daemon/protocol/unspaced-scripts.js';

/** What is asked of a tokenizer. */
export interface WordTokenizer {
  encode(text: string): number[];
  decode(tokens: readonly number[]): string;
}

interface TrieNode {
  readonly next: Map<number, TrieNode>;
  /** Tokens from the beginning of the word. */
  readonly depth: number;
  /** What the word that ends here earns; 0 where none does. */
  bonus: number;
  /** The largest bonus here and below. */
  best: number;
}

/** A word that a text is in the middle of. */
interface Path {
  readonly node: TrieNode;
  /** What the text had earned when the word began. What is earned on the way, by words within, counts as part of it. */
  readonly before: number;
  /** The end of the word right in front of it. */
  readonly behind: TrieNode | undefined;
}

/** Where a text stands among the words. */
export interface HotwordState {
  /** By the words that it has said in full, in nats. */
  readonly earnedBonus: number;
  readonly paths: readonly Path[];
  /** Whether it ends with a letter or digit, so that a letter goes on with the same word. */
  readonly insideWord: boolean;
}

export const INITIAL_STATE: HotwordState = { earnedBonus: 0, paths: [], insideWord: false };

/** What a token of a word earns, in nats. Chosen on one half of the clips (test/bench/baseline/hotwords.md). */
export const BONUS_NATS_PER_TOKEN = 2;

/**
 * Of a longer list each word is less likely to be said: what it has to make up for beyond so many words. Without it, 500
 * names turn up where one of them sounds like what is said.
 */
const SHORT_LIST_WORDS = 100;

const BEGINS_INSIDE = new RegExp(`^(?![${UNSPACED_SCRIPTS}])[\\p{L}\\p{N}\\p{M}]`, 'u');
const ENDS_INSIDE = new RegExp(`(?![${UNSPACED_SCRIPTS}])[\\p{L}\\p{N}\\p{M}]$`, 'u');

interface Edges {
  readonly begins: boolean;
  readonly ends: boolean;
}

export class Hotwords {
  readonly #root: TrieNode = { next: new Map(), depth: 0, bonus: 0, best: 0 };
  readonly #tokenizer: WordTokenizer;
  readonly #edges = new Map<number, Edges>();
  #tokens: readonly number[] | undefined;
  /** The words, trimmed, each once. */
  readonly words: readonly string[];
  /** In nats for each word. */
  readonly #listPenalty: number;

  /**
   * @param words taken as plain text, whatever they look like; empty ones count for nothing
   * @param strength nats for each token of a word
   */
  constructor(
    words: readonly string[],
    tokenizer: WordTokenizer,
    readonly strength = BONUS_NATS_PER_TOKEN,
  ) {
    this.#tokenizer = tokenizer;
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

  /** All tokens of the words, each once. */
  get tokens(): readonly number[] {
    return (this.#tokens ??= [...tokensBelow(this.#root)]);
  }

  /** The standing of a text that stood at `before` and goes on with `token`. */
  after(before: HotwordState, token: number): HotwordState {
    const { begins, ends } = this.#edgesOf(token);
    const sameWord = before.insideWord && begins;
    let { earnedBonus } = before;
    let said: TrieNode | undefined;
    const paths: Path[] = [];
    for (const { node, before: earnedBefore, behind } of before.paths) {
      if (!sameWord && node.bonus > 0) {
        // Said twice in a row it earns once, or saying it would pay for ever.
        if (node !== behind) earnedBonus = Math.max(earnedBonus, earnedBefore + node.bonus);
        said ??= node;
      }
      const next = node.next.get(token);
      if (next !== undefined) paths.push({ node: next, before: earnedBefore, behind });
    }
    const begun = sameWord ? undefined : this.#root.next.get(token);
    if (begun !== undefined) paths.push({ node: begun, before: earnedBonus, behind: said });
    return { earnedBonus, paths, insideWord: ends };
  }

  /** Where a text stands that goes on behind `tokens`, with nothing earned yet. */
  behind(tokens: readonly number[]): HotwordState {
    const { earnedBonus, paths, insideWord } = tokens.reduce(
      (at, token) => this.after(at, token),
      INITIAL_STATE,
    );
    return {
      earnedBonus: 0,
      paths: paths.map((path) => ({ ...path, before: path.before - earnedBonus })),
      insideWord,
    };
  }

  /** Tokens that go on with a word or begin one, and what it may earn at most. */
  *continuations({
    paths,
    earnedBonus,
  }: HotwordState): Generator<readonly [token: number, maxBonus: number]> {
    for (const { node, before } of paths) {
      for (const [token, { best }] of node.next) yield [token, before + best - earnedBonus];
    }
    for (const [token, { best }] of this.#root.next) yield [token, best];
  }

  /**
   * What to raise the tokens by that go on with a word: for a search that takes nothing back. Those that begin one are
   * left alone, or texts would be full of beginnings.
   */
  boosts(tokens: readonly number[]): Map<number, number> {
    const { paths } = tokens.reduce((before, token) => this.after(before, token), INITIAL_STATE);
    return new Map(paths.flatMap(({ node }) => [...node.next.keys()].map((token) => [token, this.strength])));
  }

  /** What the words that are begun may earn at most. */
  maxBonus({ paths, earnedBonus }: HotwordState): number {
    return paths.reduce((most, { node, before }) => Math.max(most, before + node.best - earnedBonus), 0);
  }

  /** What the tokens said of words that are begun would earn if they were whole words. */
  partialBonus({ paths, earnedBonus }: HotwordState): number {
    return paths.reduce(
      (most, { node, before }) => Math.max(most, before + this.#bonusOf(node.depth) - earnedBonus),
      0,
    );
  }

  /** Whether a word goes on that had begun before the last token. */
  isInsideWord({ paths }: HotwordState): boolean {
    return paths.some(({ node }) => node.depth > 1);
  }

  #bonusOf(tokens: number): number {
    return Math.max(0, this.strength * tokens - this.#listPenalty);
  }

  #add(tokens: readonly number[]): void {
    const bonus = this.#bonusOf(tokens.length);
    let node = this.#root;
    for (const token of tokens) {
      let next = node.next.get(token);
      if (next === undefined) {
        next = { next: new Map(), depth: node.depth + 1, bonus: 0, best: 0 };
        node.next.set(token, next);
      }
      node = next;
      node.best = Math.max(node.best, bonus);
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

function tokensBelow({ next }: TrieNode, found = new Set<number>()): Set<number> {
  for (const [token, node] of next) tokensBelow(node, found.add(token));
  return found;
}

/** As given, behind a space and not, and with a capital, as at the beginning of a sentence. */
function spellingsOf(word: string): string[] {
  const [first = ''] = word;
  const capital = first.toUpperCase() + word.slice(first.length);
  return [...new Set([word, capital])].flatMap((form) => [` ${form}`, form]);
}
