/** Adds word times to the segments of a window and corrects them by the rules of openai-whisper. */
import type { Word } from '#daemon/protocol/transcription.js';

import { alignTokens, type TokenTimes } from './alignment.js';
import type { EncodedWindow } from '../encode/encode.js';
import type { Whisper } from '../model.js';
import { toCentiseconds } from '../../centiseconds.js';
import type { SpeechSpan } from '../../pieces/piece-decoder.js';
import { endsSentence } from '../../text/punctuation.js';
import type { WhisperTokenizer } from '../tokenizer.js';
import { mergePunctuation, splitWords, type TokenGroup } from './split-words.js';
import type { WhisperSegment } from '../whisper-options.js';

export interface WordContext {
  /** Of the decode of the window. */
  readonly startSequence: readonly number[];
  /** Decides whether spaces separate words. */
  readonly language: string;
  /** Mel frames of audio in the window. */
  readonly audioFrames: number;
  /** Start of the window in the file. */
  readonly offsetSeconds: number;
  /** End of the last word before the window; 0 if there is none. */
  readonly lastSpeechSeconds: number;
  /** Speech in the file by the VAD; words are clipped to it. */
  readonly speech?: readonly SpeechSpan[] | undefined;
}

/** Times in seconds from the start of the window. */
export interface TimedWord extends TokenGroup {
  start: number;
  end: number;
  probability: number;
}

/** Cap for the median word length. */
const MAX_MEDIAN_SECONDS = 0.7;
/** A word is not clipped to less speech than this: the VAD is not that exact. */
const MIN_CLIP_SECONDS = 0.06;
/** If word times differ more from the segment's, the segment's count. */
const SEGMENT_SLACK_SECONDS = 0.5;

/**
 * Adds words to the segments of a window; each segment then spans its first word to its last. The joined words equal the
 * text. Costs one pass of the decoder over all tokens.
 *
 * @param segments of `cutSegments`, of this window only
 * @throws SottoError CANCELLED within one block of the decoder
 */
export async function addWordTimes(
  segments: readonly WhisperSegment[],
  deps: { readonly model: Whisper; readonly tokenizer: WhisperTokenizer },
  window: EncodedWindow,
  context: WordContext,
  signal: AbortSignal,
): Promise<WhisperSegment[]> {
  const { endOfText } = deps.tokenizer.special;
  const texts = segments.map(({ tokens }) => tokens.filter((token) => token < endOfText));
  const times = await alignTokens(deps, window, texts.flat(), context, signal);
  let from = 0;
  const split = texts.map((tokens) => {
    const words = timeWords(splitWords(tokens, deps.tokenizer, context.language), times, from);
    from += tokens.length;
    return context.speech ? clipToSpeech(words, context.speech, context.offsetSeconds) : words;
  });
  return placeWords(segments, split, context);
}

/** Times the words of a segment whose tokens start at `from`. */
export function timeWords(
  words: readonly TokenGroup[],
  { startSeconds, probabilities }: TokenTimes,
  from: number,
): TimedWord[] {
  return words.map((word) => {
    const to = from + word.tokens.length;
    const wordProbabilities = probabilities.slice(from, to);
    const timed = {
      ...word,
      start: startSeconds[from] ?? 0,
      end: startSeconds[to] ?? startSeconds.at(-1) ?? 0,
      probability: wordProbabilities.reduce((sum, p) => sum + p, 0) / Math.max(1, wordProbabilities.length),
    };
    from = to;
    return timed;
  });
}

/**
 * Trims silence off both ends of words: each is clipped to the span of speech that overlaps it most. A word outside speech
 * stays unchanged.
 *
 * @param speech in times of the file; the words' times start at `offsetSeconds`
 */
export function clipToSpeech(
  words: readonly TimedWord[],
  speech: readonly SpeechSpan[],
  offsetSeconds: number,
): TimedWord[] {
  return words.map((word) => {
    let best = { start: word.start, end: word.end };
    let longest = MIN_CLIP_SECONDS;
    for (const segment of speech) {
      const start = Math.max(word.start, segment.start - offsetSeconds);
      const end = Math.min(word.end, segment.end - offsetSeconds);
      if (end - start < longest) continue;
      longest = end - start;
      best = { start, end };
    }
    return { ...word, ...best };
  });
}

/**
 * Corrects the times of a window's words, segment by segment, and attaches them.
 *
 * Attention assigns a pause to a neighboring word. Words that are too long are cut: at sentence ends and after a pause to
 * twice the usual length, at segment ends to the segment.
 */
export function placeWords(
  segments: readonly WhisperSegment[],
  split: readonly (readonly TimedWord[])[],
  { offsetSeconds, lastSpeechSeconds }: Pick<WordContext, 'offsetSeconds' | 'lastSpeechSeconds'>,
): WhisperSegment[] {
  const adjusted = split.map((words) => words.map((word) => ({ ...word })));
  const all = adjusted.flat();
  const usual = Math.min(MAX_MEDIAN_SECONDS, medianSeconds(all));
  if (usual > 0) capAtSentenceEnds(all, 2 * usual);
  return segments.map((segment, i) => {
    const words = mergePunctuation(adjusted[i] ?? []).map(({ text, start, end, probability }) => ({
      word: text,
      start: toCentiseconds(offsetSeconds + start),
      end: toCentiseconds(offsetSeconds + end),
      probability,
    }));
    const placed = fitToSegment(words, segment, usual, lastSpeechSeconds);
    if (placed.words.length > 0) lastSpeechSeconds = placed.end;
    return { ...segment, ...placed };
  });
}

function medianSeconds(words: readonly TimedWord[]): number {
  const sorted = Float64Array.from(words.map(({ start, end }) => end - start).filter((s) => s !== 0)).sort();
  if (sorted.length === 0) return 0;
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}

/** Attention assigns a pause between sentences to the closing punctuation or to the first word after it. */
function capAtSentenceEnds(words: readonly TimedWord[], longest: number): void {
  for (const [i, word] of words.entries()) {
    const previous = words[i - 1];
    if (previous === undefined || word.end - word.start <= longest) continue;
    if (endsSentence(word.text)) word.end = word.start + longest;
    else if (endsSentence(previous.text)) word.start = word.end - longest;
  }
}

function fitToSegment(
  words: Word[],
  segment: Pick<WhisperSegment, 'start' | 'end'>,
  usual: number,
  lastSpeechSeconds: number,
): { words: Word[]; start: number; end: number } {
  const [first, second] = words;
  const last = words.at(-1);
  if (first === undefined || last === undefined) return { words, start: segment.start, end: segment.end };
  const longest = 2 * usual;
  const isAfterPause = first.end - lastSpeechSeconds > 2 * longest;
  const isTooLong =
    first.end - first.start > longest || (second !== undefined && second.end - first.start > 2 * longest);
  if (isAfterPause && isTooLong) {
    if (second !== undefined && second.end - second.start > longest) {
      first.end = second.start = Math.max(second.end / 2, second.end - longest);
    }
    first.start = Math.max(first.start, first.end - longest);
  }

  const { start, end } = segment;
  if (start < first.end && start - SEGMENT_SLACK_SECONDS > first.start) {
    first.start = Math.max(first.start, Math.min(first.end - usual, start));
  }
  if (end > last.start && end + SEGMENT_SLACK_SECONDS < last.end) {
    last.end = Math.min(last.end, Math.max(last.start + usual, end));
  }
  for (const word of words) {
    word.start = toCentiseconds(word.start);
    word.end = toCentiseconds(word.end);
  }
  return { words, start: first.start, end: last.end };
}
