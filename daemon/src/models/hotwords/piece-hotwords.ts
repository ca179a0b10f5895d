/** Words for decoders that look at one frame after the other, with pieces of words as tokens. */
import { type BonusOfTokens, Hotwords, type WordTokenizer } from './hotword-trie.js';

/** Of NVIDIA's phrase boosting for BPE models (NeMo's boosting tree, with the values that it advises). */
const FIRST_TOKEN_NATS = 1;
const LATER_TOKEN_NATS = 2;

/** The first token of a word decides little: more is given for each later one, and for those late in a word. */
export const pieceBonus: BonusOfTokens = (tokens) => {
  let nats = tokens > 0 ? FIRST_TOKEN_NATS : 0;
  for (let i = 1; i < tokens; i++) nats += LATER_TOKEN_NATS + Math.log(i + 1);
  return nats;
};

/** @returns undefined if the model can write none of the words */
export function pieceHotwords(tokenizer: WordTokenizer, words: readonly string[] = []): Hotwords | undefined {
  if (words.length === 0) return undefined;
  const hotwords = new Hotwords(words, tokenizer, pieceBonus);
  return hotwords.isEmpty ? undefined : hotwords;
}
