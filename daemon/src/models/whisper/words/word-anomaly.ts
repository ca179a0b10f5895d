/**
 * Scores how unlikely words are to be speech: hallucinated words are improbable, squeezed or stretched. The scores are those
 * of openai-whisper's `hallucination_silence_threshold`.
 */
import type { Segment, Word } from '#daemon/protocol/transcription.js';

import { isPunctuation } from '../../text/punctuation.js';

const LOW_PROBABILITY = 0.15;
const SHORT_WORD_SECONDS = 0.133;
const LONG_WORD_SECONDS = 2;
/** Words per segment to check. */
const CHECKED_WORDS = 8;
const ANOMALOUS_SCORE = 3;

/** 0 for a normal word; 1 for an improbable one, plus up to 2 for a short one, or the seconds beyond `LONG_WORD_SECONDS`. */
export function wordAnomaly({ start, end, probability }: Omit<Word, 'word'>): number {
  const seconds = end - start;
  return (
    (probability < LOW_PROBABILITY ? 1 : 0) +
    Math.max(0, SHORT_WORD_SECONDS - seconds) * 15 +
    Math.max(0, seconds - LONG_WORD_SECONDS)
  );
}

/** Whether the first words of a segment, three of them or all, are too anomalous to be speech. */
export function isAnomalous({ words = [] }: Pick<Segment, 'words'>): boolean {
  if (words.length === 0) return false;
  const checked = words.filter(({ word }) => !isPunctuation(word)).slice(0, CHECKED_WORDS);
  const score = checked.reduce((sum, word) => sum + wordAnomaly(word), 0);
  return score >= ANOMALOUS_SCORE || score + 0.01 >= checked.length;
}
