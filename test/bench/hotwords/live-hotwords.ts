/** Hotwords in live speech: the same clips, decoded every half second as if they were spoken. */
import { Hotwords, type WordTokenizer } from '#daemon/models/hotwords/hotword-trie.js';
import type { Recognizer } from '#daemon/models/speech-model.js';

const neverAborted = new AbortController().signal;
/** Samples between two decode steps. */
const STEP = 8_000;

export interface LiveResult {
  /** Committed text. */
  readonly text: string;
  readonly tokens: number;
  /** Total time of all decode steps. */
  readonly seconds: number;
}

/** @param words hotwords; may be empty */
export async function transcribeLive(
  model: Recognizer,
  tokenizer: WordTokenizer,
  samples: Float32Array,
  language: string,
  words: string[],
): Promise<LiveResult> {
  if (model.stream === undefined) throw new Error(`${model.name} has no live sessions`);
  const live = model.stream({ language, ...(words.length > 0 && { hotwords: words }) });
  const begin = performance.now();
  let text = '';
  try {
    for (let at = 0; at < samples.length; at += STEP) {
      live.push(samples.subarray(at, at + STEP));
      for (const { word } of (await live.update(neverAborted)).committed) text += word;
    }
    for (const { word } of (await live.finish(neverAborted)).committed) text += word;
  } finally {
    live.dispose();
  }
  const seconds = (performance.now() - begin) / 1000;
  return { text: text.trim(), tokens: tokenizer.encode(text).length, seconds };
}

/** Time to prepare a list before the first decode step, in ms. */
export function readingMs(tokenizer: WordTokenizer, words: readonly string[]): number {
  const begin = performance.now();
  const read = new Hotwords(words, tokenizer);
  return read.isEmpty ? 0 : performance.now() - begin;
}
