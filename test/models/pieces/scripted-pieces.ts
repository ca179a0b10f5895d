/** A family that "recognizes" words by their places in the audio, and VAD whose probabilities are in the samples. */
import type {
  PieceContext,
  PieceDecoder,
  SpeechPiece,
  TimedToken,
} from '#daemon/models/pieces/piece-decoder.js';
import type { PieceCapabilities } from '#daemon/models/pieces/piece-options.js';
import { SpeechTrack, type VadStream, type VoiceActivity } from '#daemon/audio/vad/index.js';
import { yieldToEventLoop } from '#daemon/async.js';

export const RATE = 16_000;

export const CAPABILITIES: PieceCapabilities = {
  languages: ['en'],
  translates: false,
  streams: true,
  wordTimestamps: true,
  hotwords: false,
  prompt: false,
};

/** A word with its place, in seconds of the audio. */
export interface PlacedWord {
  readonly text: string;
  readonly start: number;
  readonly end: number;
  readonly probability?: number;
}

/** Emits the words whose middle lies in the piece, each as one token and its punctuation as another. */
export class ScriptedDecoder implements PieceDecoder {
  readonly pieces: SpeechPiece[] = [];
  readonly contexts: PieceContext[] = [];

  constructor(
    readonly words: readonly PlacedWord[],
    readonly maxSeconds = 30,
  ) {}

  async decode(piece: SpeechPiece, context: PieceContext, signal: AbortSignal): Promise<TimedToken[]> {
    this.pieces.push(piece);
    this.contexts.push(context);
    await context.stopwatch.time('encode', () => yieldToEventLoop(signal));
    const from = piece.start / RATE;
    const to = from + piece.samples.length / RATE;
    return this.words.flatMap(({ text, start, end, probability = 0.9 }, id) => {
      const middle = (start + end) / 2;
      if (middle < from || middle >= to) return [];
      const [, word = '', mark = ''] = /^(.*?)([.,?!]*)$/.exec(text) ?? [];
      const token = { id, text: ` ${word}`, start: start - from, end: end - from, probability };
      return mark === '' ? [token] : [token, { ...token, id: 1000, text: mark, start: token.end }];
    });
  }
}

/** Speech without pauses, in seconds. */
export function spokenIn(voice: VoiceActivity, samples: Float32Array): { start: number; end: number }[] {
  const track = new SpeechTrack(voice.stream());
  track.push(samples);
  track.end();
  return track
    .tightSegments(0, samples.length)
    .map(({ start, end }) => ({ start: start / RATE, end: end / RATE }));
}

/** Short enough that no word reaches across a pause. */
const HALF_WORD_SECONDS = 0.08;

/** Words spread over the speech of a clip. */
export function placeWords(text: string, spoken: readonly { start: number; end: number }[]): PlacedWord[] {
  const words = text.split(' ');
  const total = spoken.reduce((sum, { start, end }) => sum + end - start, 0);
  const at = (share: number): number => {
    let left = share * total;
    for (const { start, end } of spoken) {
      if (left <= end - start) return start + left;
      left -= end - start;
    }
    return spoken.at(-1)?.end ?? 0;
  };
  return words.map((word, i) => {
    const middle = at((i + 0.5) / words.length);
    return { text: word, start: middle - HALF_WORD_SECONDS, end: middle + HALF_WORD_SECONDS };
  });
}

/** Frames of 32 ms. */
const FRAME = 512;

/** VAD for audio whose samples are negative where it is silent. */
export const signVoice: Pick<VoiceActivity, 'stream'> = {
  stream: () => {
    let pending = new Float32Array(0);
    const push = (samples: Float32Array): Float32Array => {
      const all = new Float32Array(pending.length + samples.length);
      all.set(pending);
      all.set(samples, pending.length);
      const frames = Math.floor(all.length / FRAME);
      pending = all.slice(frames * FRAME);
      return Float32Array.from({ length: frames }, (_, i) => ((all[i * FRAME] ?? 0) > 0 ? 1 : 0));
    };
    const flush = (): Float32Array =>
      pending.length === 0 ? new Float32Array(0) : Float32Array.of((pending[0] ?? 0) > 0 ? 1 : 0);
    const memory = { hidden: new Float64Array(128), cell: new Float64Array(128) };
    return { push, flush, memory } as unknown as VadStream;
  },
};

/** Samples that count from 1 on, negative where it is silent. @param frames alternately of speech and of silence */
export function countingSamples(frames: readonly number[], rest = 0): Float32Array {
  const total = frames.reduce((sum, length) => sum + length, 0) * FRAME + rest;
  const samples = new Float32Array(total);
  let at = 0;
  for (const [i, length] of frames.entries()) {
    for (const end = at + length * FRAME; at < end; at++) samples[at] = (i % 2 === 0 ? 1 : -1) * (at + 1);
  }
  for (; at < total; at++) samples[at] = -(at + 1);
  return samples;
}

/** Chunks of the given sizes, over and over. */
export function* chunksOf(samples: Float32Array, sizes: readonly number[]): Generator<Float32Array> {
  for (let at = 0, i = 0; at < samples.length; i++) {
    const size = sizes[i % sizes.length] ?? 1;
    yield samples.subarray(at, at + size);
    at += size;
  }
}
