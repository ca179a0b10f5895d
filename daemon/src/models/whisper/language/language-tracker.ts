/**
 * Tracks the language of speech that changes it. Before a window is decoded, the language of each of its speech groups is
 * detected through a short window of its own, and the window is cut where the language changes. Each window then has one
 * language, and its prompt too.
 *
 * A window that is certainly English rarely holds another language (none of 60 sentences of 4 to 7 s was missed,
 * ../../NOTES.md), so it needs no more detection. The converse fails: base is certain of German in windows mostly in English.
 */
import { FRAMES_PER_SECOND } from '#daemon/audio/mel/mel.js';

import { type Window, WINDOW_FRAMES } from '../encode/audio-windows.js';
import { disposeWindow, type EncodedWindow } from '../encode/encode.js';
import { cutBetween, groupSpeech, type SpeechGroup } from './speech-groups.js';
import { type GroupLanguages, viterbiPath } from './viterbi-path.js';
import { type WindowLength, windowFrames } from '../encode/short-window.js';
import type { Transcription } from '../whisper-transcription.js';

/** At this probability a window is entirely English. */
const MIN_ENGLISH_PROBABILITY = 0.99;
/** Mel frames before a group in its window, and the maximum of the group itself. */
const GROUP_LEAD_IN_FRAMES = 10;
const MAX_GROUP_FRAMES = 600;
/** The encoder needs the silence after the speech. */
const GROUP_WINDOW: WindowLength = { minFrames: 0, silence: 200, step: 100 };
/** Shorter speech before a change of language is skipped. */
const MIN_LEFTOVER_FRAMES = 65;

/** The next window to decode, in one language. */
interface PlannedWindow {
  readonly window: Window;
  readonly encoded: EncodedWindow;
  readonly language: string;
  /** Of the language, over the speech of the window. */
  readonly probability: number;
}

interface LanguageRun {
  readonly language: string;
  readonly probability: number;
  /** Mel frame where another language starts. */
  readonly changeFrame?: number | undefined;
}

export class LanguageTracker {
  readonly #work: Transcription;
  /** The language of the last window. */
  #previousLanguage: string | undefined;
  /** Mel frame where the language changes from that of the last window. */
  #change: number | undefined;
  /** Language probabilities by group, for groups that the next window may contain. */
  readonly #groupLanguages = new Map<string, ReadonlyMap<string, number>>();
  readonly #spoken = new Map<string, number>(); // seconds by language

  constructor(work: Transcription) {
    this.#work = work;
  }

  /** The language with the most speech so far. */
  get main(): string | undefined {
    return [...this.#spoken].sort(([, a], [, b]) => b - a)[0]?.[0];
  }

  /**
   * Cuts `window` after its first language. Prefetches audio meanwhile.
   *
   * @param encode encodes a window for decoding; the caller owns the result
   */
  async plan(
    window: Window,
    encode: (window: Window) => Promise<EncodedWindow>,
    signal: AbortSignal,
  ): Promise<PlannedWindow> {
    const { windows } = this.#work;
    // A window that may be entirely English is encoded whole; for others that would be wasted.
    const shouldEncodeWhole =
      !windows.hasVad || (this.#change === undefined && (this.#previousLanguage ?? 'en') === 'en');
    const encoding = shouldEncodeWhole ? encode(window) : undefined;
    windows.prefetch(window.start + 2 * WINDOW_FRAMES, signal);
    let encoded = await encoding;
    try {
      const { language, probability, changeFrame } = await this.#find(window, encoded, signal);
      const planned =
        changeFrame === undefined ? window : { start: window.start, frames: changeFrame - window.start };
      if (changeFrame !== undefined && encoded !== undefined) {
        disposeWindow(encoded);
        encoded = undefined;
      }
      encoded ??= await encode(planned);
      this.#decide(planned, language, changeFrame);
      return { window: planned, encoded, language, probability };
    } catch (error) {
      if (encoded !== undefined) disposeWindow(encoded);
      throw error;
    }
  }

  /** The start of the next window after the last one completed up to frame `seek`; drops earlier groups. */
  next(seek: number): number {
    const left = this.#change === undefined ? 0 : this.#change - seek;
    const from = left > 0 && left < MIN_LEFTOVER_FRAMES ? seek + left : seek;
    for (const key of this.#groupLanguages.keys())
      if (Number.parseInt(key, 10) < from) this.#groupLanguages.delete(key);
    return from;
  }

  async #find(window: Window, encoded: EncodedWindow | undefined, signal: AbortSignal): Promise<LanguageRun> {
    const work = this.#work;
    const groups = this.#grouped((await work.windows.spokenFrames(window)) ?? []);
    if (encoded !== undefined) {
      const whole = await work.detect(encoded);
      if (whole.language === 'en' && whole.probability >= MIN_ENGLISH_PROBABILITY) return whole;
      if (groups.length === 0) {
        const seconds = window.frames / FRAMES_PER_SECOND;
        return firstLanguageRun([{ seconds, probabilities: whole.probabilities }], this.#previousLanguage);
      }
    }
    const groupLanguages: GroupLanguages[] = [];
    for (const group of groups) {
      const seconds = (group.end - group.start) / FRAMES_PER_SECOND;
      groupLanguages.push({ seconds, probabilities: await this.#groupProbabilities(group, signal) });
    }
    const { until, ...found } = firstLanguageRun(groupLanguages, this.#previousLanguage);
    const [last, next] = [groups[until - 1], groups[until]];
    return { ...found, changeFrame: last && next && cutBetween(last, next) };
  }

  /** Never merges groups across the known change of language. */
  #grouped(spoken: readonly SpeechGroup[]): SpeechGroup[] {
    const change = this.#change ?? -Infinity;
    return [
      ...groupSpeech(spoken.filter(({ start }) => start < change)),
      ...groupSpeech(spoken.filter(({ start }) => start >= change)),
    ];
  }

  #decide({ frames }: Window, language: string, change: number | undefined): void {
    this.#previousLanguage = language;
    this.#change = change;
    this.#spoken.set(language, (this.#spoken.get(language) ?? 0) + frames / FRAMES_PER_SECOND);
  }

  async #groupProbabilities(
    { start, end }: SpeechGroup,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, number>> {
    const key = `${start}-${end}`;
    const known = this.#groupLanguages.get(key);
    if (known !== undefined) return known;
    const from = Math.max(0, start - GROUP_LEAD_IN_FRAMES);
    const frames = Math.min(end - from, MAX_GROUP_FRAMES);
    const length = windowFrames(frames, GROUP_WINDOW);
    const encoded = await this.#work.encode({ start: from, frames }, length, 'silence', signal);
    try {
      const { probabilities } = await this.#work.detect(encoded);
      this.#groupLanguages.set(key, probabilities);
      return probabilities;
    } finally {
      disposeWindow(encoded);
    }
  }
}

/** The language of the first groups, its probability, and the number of groups in it. */
function firstLanguageRun(
  groupLanguages: readonly GroupLanguages[],
  previousLanguage: string | undefined,
): { language: string; probability: number; until: number } {
  const path = viterbiPath(groupLanguages, previousLanguage);
  const [language = previousLanguage ?? 'en'] = path;
  const changed = path.findIndex((other) => other !== language);
  const until = changed < 0 ? path.length : changed;
  let [seconds, sum] = [0, 0];
  for (const group of groupLanguages.slice(0, until)) {
    seconds += group.seconds;
    sum += group.seconds * (group.probabilities.get(language) ?? 0);
  }
  return { language, probability: seconds > 0 ? sum / seconds : 0, until };
}
