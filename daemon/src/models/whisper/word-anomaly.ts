/**
 * How unlike speech words are: what a model invents in silence has improbable words, squeezed or drawn out. The scores
 * are those of openai-whisper's `hallucination_silence_threshold`.
 */
import type { Segment, Word } from '#daemon/protocol/transcription.js';

import { isPunctuation } from './words.js';

const IMPROBABLE = 0.15;
const SHORT_SECONDS = 0.133;
const LONG_SECONDS = 2;
/** Words of a segment that are looked at. */
const FIRST_WORDS = 8;
const ANOMALOUS_SCORE = 3;

/** 0 for a word like any other; 1 for an improbable one, and up to 2 for a short one or a second too much. */
export function wordAnomaly({ start, end, probability }: Omit<Word, 'word'>): number {
  const seconds = end - start;
  return (
    (probability < IMPROBABLE ? 1 : 0) +
    Math.max(0, SHORT_SECONDS - seconds) * 15 +
    Math.max(0, seconds - LONG_SECONDS)
  );
}

/** Whether a segment's first words are so anomalous, three of them or all, that nobody may have said them. */
export function isAnomalous({ words = [] }: Pick<Segment, 'words'>): boolean {
  if (words.length === 0) return false;
  const looked = words.filter(({ word }) => !isPunctuation(word)).slice(0, FIRST_WORDS);
  const score = looked.reduce((sum, word) => sum + wordAnomaly(word), 0);
  return score >= ANOMALOUS_SCORE || score + 0.01 >= looked.length;
}
