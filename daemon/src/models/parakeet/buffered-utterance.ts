/**
 * Live decoding of an utterance by an encoder that was trained on whole audio: windows of left context, a chunk and a look-ahead
 * pass through it, the transducer decodes the features of the chunk, and carries its recurrent state and the frames that a
 * duration reaches over to the next chunk (buffered inference of NeMo).
 */
import { throwIfCancelled } from '#daemon/async.js';
import { HOP_SAMPLES, SAMPLE_RATE } from '#daemon/audio/mel/mel.js';
import { MIN_FRAMES } from '#daemon/audio/mel/normalized-frames.js';
import { mx, type MxArray } from '#native/index.js';

import { SUBSAMPLING } from '../conformer/conformer-config.js';
import type { Hotwords } from '../hotwords/hotword-trie.js';
import type { StreamingUtterance, UtteranceAudio } from '../streaming/live-utterances.js';
import type { UtterancePlace } from '../streaming/live-utterances-state.js';
import type { Emission } from '../transducer/greedy-walk.js';
import type { GreedyState } from '../transducer/greedy.js';
import { openDecoder, type TransducerDecoder } from '../transducer/transducer-decoder.js';
import type { Transducer } from '../transducer/transducer.js';

/** In frames of the encoder. */
export interface BufferWindows {
  readonly leftFrames: number;
  readonly chunkFrames: number;
  readonly lookaheadFrames: number;
}

const FRAME_SAMPLES = SUBSAMPLING * HOP_SAMPLES;
const framesOf = (seconds: number): number => Math.round((seconds * SAMPLE_RATE) / FRAME_SAMPLES);

/** Those of NeMo's example. */
export const DEFAULT_WINDOWS: BufferWindows = {
  leftFrames: framesOf(10),
  chunkFrames: framesOf(2),
  lookaheadFrames: framesOf(2),
};

export interface BufferedUtteranceDeps {
  readonly transducer: Transducer;
  readonly windows: BufferWindows;
  /** Added to the logits. */
  readonly bias?: MxArray | undefined;
  readonly hotwords?: Hotwords | undefined;
  /** The features of audio, [⌈samples / 1280⌉, D]; the caller frees them. */
  encode(samples: Float32Array, signal: AbortSignal): Promise<MxArray>;
}

export class BufferedUtterance implements StreamingUtterance {
  readonly #deps: BufferedUtteranceDeps;
  #decoder: TransducerDecoder;
  #chunks: number;
  /** Features of the look-ahead after the last chunk, if `advance` decoded one. */
  #lookahead: MxArray | undefined;

  constructor(deps: BufferedUtteranceDeps, from?: UtterancePlace) {
    this.#deps = deps;
    this.#chunks = from?.chunks ?? 0;
    this.#decoder = this.#open(from && this.#stateOf(from));
  }

  get place(): UtterancePlace {
    const { walk, frames, recurrent, hotwords } = this.#decoder.state;
    const debt = walk.frame - frames;
    return { chunks: this.#chunks, ...(debt > 0 && { debt }), recurrent, ...(hotwords && { hotwords }) };
  }

  get firstSample(): number {
    return firstSampleOf(this.#chunks, this.#deps.windows);
  }

  get decodedSamples(): number {
    return this.#frames * FRAME_SAMPLES;
  }

  async advance(audio: UtteranceAudio, signal: AbortSignal): Promise<readonly Emission[]> {
    this.#dropLookahead();
    const { chunkFrames, lookaheadFrames } = this.#deps.windows;
    const emissions: Emission[] = [];
    for (;;) {
      const end = (this.#frames + chunkFrames + lookaheadFrames) * FRAME_SAMPLES;
      if (end > audio.end) return emissions;
      throwIfCancelled(signal);
      this.#dropLookahead();
      const features = await this.#features(audio, end, signal);
      const [chunk, lookahead] = mx.tidy(() => [
        mx.contiguous(mx.slice(features, [0, 0], [chunkFrames, widthOf(features)])),
        mx.contiguous(mx.slice(features, [chunkFrames, 0], features.shape)),
      ]);
      features.dispose();
      this.#lookahead = lookahead;
      try {
        emissions.push(...(await this.#decoder.decode(chunk, signal)));
      } finally {
        chunk.dispose();
      }
      this.#chunks++;
    }
  }

  async preview(audio: UtteranceAudio, signal: AbortSignal): Promise<readonly Emission[]> {
    const end = Math.floor(audio.end / FRAME_SAMPLES) * FRAME_SAMPLES;
    const features = this.#lookahead ?? (await this.#restOf(audio, end, signal));
    this.#lookahead = undefined;
    if (features === undefined) return [];
    const decoder = this.#open(this.#decoder.state);
    try {
      return await decoder.decode(features, signal);
    } finally {
      features.dispose();
      decoder.dispose();
    }
  }

  async finish(audio: UtteranceAudio, signal: AbortSignal): Promise<readonly Emission[]> {
    const features = await this.#restOf(audio, audio.end, signal);
    if (features === undefined) return [];
    try {
      return await this.#decoder.decode(features, signal);
    } finally {
      features.dispose();
    }
  }

  dispose(): void {
    this.#dropLookahead();
    this.#decoder.dispose();
  }

  /** Frames of the chunks that are decoded. */
  get #frames(): number {
    return this.#chunks * this.#deps.windows.chunkFrames;
  }

  #open(state?: GreedyState): TransducerDecoder {
    const { transducer, bias, hotwords } = this.#deps;
    return openDecoder(transducer, { bias, hotwords }, state);
  }

  #stateOf({ debt = 0, recurrent, hotwords }: UtterancePlace): GreedyState {
    const frames = this.#frames;
    return { frames, walk: { frame: frames + debt, symbols: 0 }, recurrent, hotwords };
  }

  /** The features from the next chunk to a sample; undefined if there are none. */
  async #restOf(audio: UtteranceAudio, end: number, signal: AbortSignal): Promise<MxArray | undefined> {
    return end - this.decodedSamples < MIN_FRAMES * HOP_SAMPLES
      ? undefined
      : this.#features(audio, end, signal);
  }

  /** The features from the next chunk to a sample, computed with the left context. */
  async #features(audio: UtteranceAudio, end: number, signal: AbortSignal): Promise<MxArray> {
    const start = this.firstSample;
    const features = await this.#deps.encode(audio.read(start, end), signal);
    const context = this.#frames - start / FRAME_SAMPLES;
    try {
      return mx.tidy(() => mx.contiguous(mx.slice(features, [context, 0], features.shape)));
    } finally {
      features.dispose();
    }
  }

  #dropLookahead(): void {
    this.#lookahead?.dispose();
    this.#lookahead = undefined;
  }
}

/** Where the window of chunk `chunks` begins. */
export function firstSampleOf(chunks: number, { chunkFrames, leftFrames }: BufferWindows): number {
  return Math.max(0, chunks * chunkFrames - leftFrames) * FRAME_SAMPLES;
}

const widthOf = ({ shape }: MxArray): number => shape[1] ?? 0;
