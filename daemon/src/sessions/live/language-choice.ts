/**
 * Whether a dictation is in English, and so which model transcribes it. Until that is decided the multilingual model decodes, and
 * its committed words are held back: another model would transcribe the same speech again.
 */
import type { DecodeStep, LanguageEvidence } from '../../protocol/ipc.js';
import { SAMPLE_RATE } from '../../protocol/live.js';
import type { Word } from '../../protocol/transcription.js';

export type LanguageDecision = 'english' | 'other' | 'undecided';

/** After this much speech, English of this probability is certain (daemon/src/models/NOTES.md, Language of a dictation). */
const MIN_EARLY_SECONDS = 1;
const MIN_EARLY_PROBABILITY = 0.8;
/** After this much speech it is decided, by this probability. */
const MIN_SPEECH_SECONDS = 2;
const MIN_PROBABILITY = 0.6;
/** It is decided this long after the first speech, however much of it was silence. */
const MAX_WAIT_SECONDS = 4;

interface Detected {
  /** Of the last decode step that detected the language. */
  readonly evidence: LanguageEvidence | undefined;
  /** Since the first such step. */
  readonly waitedSeconds: number;
  /** No audio follows. */
  readonly isOver: boolean;
}

/** English only if that is probable: the multilingual model transcribes English as well, though worse. */
export function decideLanguage({ evidence, waitedSeconds, isOver }: Detected): LanguageDecision {
  if (evidence === undefined) return isOver ? 'other' : 'undecided';
  const { language, probability, seconds } = evidence;
  const isEnglish = (minProbability: number): boolean => language === 'en' && probability >= minProbability;
  if (isOver || seconds >= MIN_SPEECH_SECONDS || waitedSeconds >= MAX_WAIT_SECONDS)
    return isEnglish(MIN_PROBABILITY) ? 'english' : 'other';
  return seconds >= MIN_EARLY_SECONDS && isEnglish(MIN_EARLY_PROBABILITY) ? 'english' : 'undecided';
}

export class LanguageChoice {
  #evidence: LanguageEvidence | undefined;
  #firstSample: number | undefined;
  readonly #heldWords: Word[] = [];

  /** Words that the multilingual model has committed so far. */
  get heldWords(): readonly Word[] {
    return this.#heldWords;
  }

  /** @param isOver whether it is the last step */
  add({ committed, decodedSamples, evidence }: DecodeStep, isOver: boolean): LanguageDecision {
    this.#heldWords.push(...committed);
    if (evidence !== undefined) {
      this.#evidence = evidence;
      this.#firstSample ??= decodedSamples;
    }
    const waitedSeconds = (decodedSamples - (this.#firstSample ?? decodedSamples)) / SAMPLE_RATE;
    return decideLanguage({ evidence: this.#evidence, waitedSeconds, isOver });
  }
}
