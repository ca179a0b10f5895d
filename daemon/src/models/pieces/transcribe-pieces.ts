/** Transcription by a family that decodes pieces of speech one after the other. */
import { SpeechTrack, speechOptionsOf, type VoiceActivity } from '#daemon/audio/vad/index.js';
import { SAMPLE_RATE } from '#daemon/audio/mel/mel.js';
import type {
  Segment,
  TranscribeEvent,
  TranscribeOptions,
  TranscribeResult,
} from '#daemon/protocol/transcription.js';

import type { AudioStream } from '../speech-model.js';
import { Stopwatch } from '../stopwatch.js';
import { isSpaced } from '../text/word-spacing.js';
import { isInvented } from './invented-text.js';
import { cutPieces, PieceCutter } from './piece-cutter.js';
import type { PieceContext, PieceDecoder, SpeechPiece, TimedToken } from './piece-decoder.js';
import { checkedLanguage, checkPieceOptions, type PieceCapabilities } from './piece-options.js';
import { placeTokens, segmentsOf } from './piece-segments.js';

/** What a transcription needs of the family. */
export interface PieceDeps {
  readonly decoder: PieceDecoder;
  readonly voice: Pick<VoiceActivity, 'stream'>;
  readonly capabilities: PieceCapabilities;
}

/** Of audio that is in no language that the model tells. */
export const UNKNOWN_LANGUAGE = 'und';

/**
 * Yields the language if it is known, then the segments of each piece and the progress. The family checks its own options.
 *
 * @throws SottoError CANCELLED within one step of the decoder; INVALID_ARGUMENT for options that the model does not have
 */
export async function* transcribePieces(
  { decoder, voice, capabilities }: PieceDeps,
  { samples }: AudioStream,
  options: TranscribeOptions,
  signal: AbortSignal,
): AsyncGenerator<TranscribeEvent, TranscribeResult> {
  checkPieceOptions(options, capabilities);
  const chosen = checkedLanguage(options.language, capabilities.languages);
  let language = chosen;
  const speech = speechOptionsOf(options.vad);
  const stopwatch = new Stopwatch();
  const cutter = speech
    ? new PieceCutter(decoder.maxSeconds, new SpeechTrack(voice.stream(), speech))
    : new PieceCutter(decoder.maxUncutSeconds ?? decoder.maxSeconds, undefined);
  const segmentOptions = {
    // Without VAD the tokens are those of the model, whatever they are.
    keepsTextless: speech === undefined,
    splitsSentences: options.timestamps !== false,
    wordTimestamps: options.wordTimestamps ?? false,
    tokenLogprobs: options.tokenLogprobs ?? false,
  };
  const segments: Segment[] = [];
  let isFirst = true;
  let done = 0;
  const context = { language: chosen, stopwatch };
  const batchSize = decoder.decodeBatch === undefined ? 1 : (options.batchSize ?? 1);
  for await (const pieces of groupsOf(cutPieces(samples, cutter, signal), batchSize)) {
    if (isFirst && language !== undefined) yield { type: 'language', language, probability: 1 };
    isFirst = false;
    const decoded = await decodePieces(decoder, pieces, context, signal);
    const { detectedLanguage } = decoder;
    if (language === undefined && detectedLanguage !== undefined) {
      language = detectedLanguage;
      yield { type: 'language', language, probability: 1 };
    }
    const spaced = isSpaced(language ?? UNKNOWN_LANGUAGE);
    for (const [i, piece] of pieces.entries()) {
      const found = decoded[i] ?? [];
      const tokens = isInvented(found, piece.evidence) ? [] : placeTokens(found, piece, spaced);
      for (const segment of segmentsOf(tokens, { ...segmentOptions, isSpaced: spaced })) {
        segments.push(segment);
        yield { type: 'segment', segment };
      }
      done = (piece.start + piece.samples.length) / SAMPLE_RATE;
      yield { type: 'progress', seconds: done };
    }
  }
  const { secondsRead } = cutter;
  // The rest has no speech.
  if (done < secondsRead) yield { type: 'progress', seconds: secondsRead };
  return {
    text: segments.map(({ text }) => text).join(''),
    language: language ?? UNKNOWN_LANGUAGE,
    durationSeconds: secondsRead,
    segments,
    timings: stopwatch.timings(),
  };
}

async function decodePieces(
  decoder: PieceDecoder,
  pieces: readonly SpeechPiece[],
  context: PieceContext,
  signal: AbortSignal,
): Promise<readonly (readonly TimedToken[])[]> {
  const [first] = pieces;
  if (pieces.length > 1 && decoder.decodeBatch) return decoder.decodeBatch(pieces, context, signal);
  return first === undefined ? [] : [await decoder.decode(first, context, signal)];
}

/** Consecutive items, `size` at a time; the last group may have fewer. */
async function* groupsOf<T>(items: AsyncIterable<T>, size: number): AsyncGenerator<T[], void> {
  let group: T[] = [];
  for await (const item of items) {
    group.push(item);
    if (group.length < size) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}
