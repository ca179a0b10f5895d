/**
 * Cuts long audio into pieces that a family decodes at once. With VAD a piece is a stretch of speech; one that is too long
 * is cut in a pause, or else at its quietest place. No sample is in two pieces, and only silence is in none.
 */
import { FRAMES_PER_SECOND, HOP_SAMPLES, SAMPLE_RATE } from '#daemon/audio/mel/mel.js';
import type { SpeechTrack } from '#daemon/audio/vad/index.js';
import { throwIfCancelled } from '#daemon/async.js';

import { type FrameSpan, packNext, toFrames } from './pack-speech.js';
import type { SpeechPiece, SpeechSpan } from './piece-decoder.js';
import { frameLevels, quietestFrame } from './quietest-frame.js';
import { SampleBuffer } from './sample-buffer.js';

/** Audio is analyzed in steps of this length, so that the cuts don't depend on the sizes of the chunks. */
const STEP_SAMPLES = 0.5 * SAMPLE_RATE;
/** A shorter rest of a segment without speech in it is padding. */
const MIN_LEFTOVER_FRAMES = 65;

export class PieceCutter {
  readonly #speech: SpeechTrack | undefined;
  readonly #maxFrames: number;
  readonly #buffer = new SampleBuffer();
  readonly #step = new Float32Array(STEP_SAMPLES);
  #stepSamples = 0;
  /** Frames of 10 ms that are in a piece, or in none. */
  #cutFrames = 0;

  /** @param speech without it, the pieces hold all of the audio */
  constructor(maxSeconds: number, speech: SpeechTrack | undefined) {
    this.#maxFrames = Math.floor(maxSeconds * FRAMES_PER_SECOND);
    this.#speech = speech;
  }

  get secondsRead(): number {
    return (this.#buffer.end + this.#stepSamples) / SAMPLE_RATE;
  }

  /** The pieces that are complete with these samples. */
  *push(samples: Float32Array): Generator<SpeechPiece, void> {
    for (let at = 0; at < samples.length;) {
      const part = samples.subarray(at, at + STEP_SAMPLES - this.#stepSamples);
      this.#step.set(part, this.#stepSamples);
      this.#stepSamples += part.length;
      at += part.length;
      if (this.#stepSamples < STEP_SAMPLES) return;
      this.#analyze();
      yield* this.#completePieces(false);
    }
  }

  /** The remaining pieces; no samples follow. */
  *end(): Generator<SpeechPiece, void> {
    this.#analyze();
    this.#speech?.end();
    yield* this.#completePieces(true);
  }

  #analyze(): void {
    const samples = this.#step.subarray(0, this.#stepSamples);
    this.#buffer.push(samples);
    this.#speech?.push(samples);
    this.#stepSamples = 0;
  }

  *#completePieces(ended: boolean): Generator<SpeechPiece, void> {
    for (;;) {
      const next = this.#nextSpeech(ended);
      if (next === undefined) {
        this.#dropBefore(this.#speech?.stableSamples ?? 0);
        return;
      }
      const { segment, tight, isComplete } = next;
      const packing = packNext(
        { segments: [segment], tight, ended: isComplete },
        this.#maxFrames,
        (from, to) => this.#quietest(from, to),
      );
      if (packing === undefined) return;
      const { end } = packing;
      const isPadding =
        this.#speech !== undefined &&
        segment.start === this.#cutFrames &&
        end - segment.start < MIN_LEFTOVER_FRAMES &&
        tight.length === 0;
      if (!isPadding) yield this.#pieceOf({ start: segment.start, end }, tight);
      this.#cutFrames = end;
      this.#dropBefore(end * HOP_SAMPLES);
    }
  }

  /** The first stretch of speech that is in no piece yet, in frames, and its parts without pauses. */
  #nextSpeech(
    ended: boolean,
  ): { segment: FrameSpan; tight: readonly FrameSpan[]; isComplete: boolean } | undefined {
    const from = this.#cutFrames;
    const contentFrames = Math.ceil(this.#buffer.end / HOP_SAMPLES);
    const speech = this.#speech;
    if (speech === undefined) {
      if (contentFrames <= from) return undefined;
      return { segment: { start: from, end: contentFrames }, tight: [], isComplete: ended };
    }
    const [segment] = toFrames(speech.segmentsAfter(from * HOP_SAMPLES), from, contentFrames);
    if (segment === undefined) return undefined;
    const [start, end] = [segment.start * HOP_SAMPLES, segment.end * HOP_SAMPLES];
    return {
      segment,
      tight: toFrames(speech.tightSegments(start, end), segment.start, segment.end),
      isComplete: ended || end <= speech.stableSamples,
    };
  }

  #pieceOf({ start, end }: FrameSpan, tight: readonly FrameSpan[]): SpeechPiece {
    const [from, to] = [start * HOP_SAMPLES, Math.min(this.#buffer.end, end * HOP_SAMPLES)];
    const spoken = tight.flatMap((span): SpeechSpan[] => {
      const [first, last] = [Math.max(start, span.start) - start, Math.min(end, span.end) - start];
      return last > first ? [{ start: first / FRAMES_PER_SECOND, end: last / FRAMES_PER_SECOND }] : [];
    });
    return {
      start: from,
      samples: this.#buffer.read(from, to),
      spoken: this.#speech && spoken,
      evidence: this.#speech?.evidence(from, to),
    };
  }

  #dropBefore(sample: number): void {
    this.#buffer.drop(sample);
    this.#speech?.drop(sample);
  }

  /** The frame in the middle of the quietest third of a second between two frames. */
  #quietest(from: number, to: number): number {
    const samples = this.#buffer.read(from * HOP_SAMPLES, Math.min(this.#buffer.end, to * HOP_SAMPLES));
    return from + quietestFrame(frameLevels(samples));
  }
}

/** The pieces of a stream. @throws SottoError CANCELLED */
export async function* cutPieces(
  samples: AsyncIterable<Float32Array>,
  cutter: PieceCutter,
  signal: AbortSignal,
): AsyncGenerator<SpeechPiece, void> {
  throwIfCancelled(signal);
  for await (const chunk of samples) {
    throwIfCancelled(signal);
    for (const piece of cutter.push(chunk)) {
      yield piece;
      throwIfCancelled(signal);
    }
  }
  for (const piece of cutter.end()) {
    yield piece;
    throwIfCancelled(signal);
  }
}
