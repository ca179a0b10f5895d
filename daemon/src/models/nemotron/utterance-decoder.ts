/**
 * Decodes one utterance while it is spoken. Its features and tokens equal those of the whole utterance: the encoder reads chunks
 * and keeps what later ones need, and the transducer continues at its last token.
 */
import { framesBetween, samplesFor } from '#daemon/audio/mel/frames-between.js';
import type { FrontEnd } from '#daemon/audio/mel/front-end.js';
import { HOP_SAMPLES } from '#daemon/audio/mel/mel.js';
import { yieldToEventLoop } from '#daemon/async.js';
import { mx, type MxArray } from '#native/index.js';

import { melFramesOf, warmUpChunks } from '../conformer/causal-config.js';
import type { CausalState } from '../conformer/causal-encoder.js';
import { disposeState, type ChunkEncoder } from '../conformer/chunk-encoder.js';
import type { Hotwords } from '../hotwords/hotword-trie.js';
import type { StreamingUtterance, UtteranceAudio } from '../streaming/live-utterances.js';
import type { UtterancePlace } from '../streaming/live-utterances-state.js';
import type { Emission } from '../transducer/greedy-walk.js';
import type { Transducer } from '../transducer/transducer.js';
import { openDecoder, type TransducerDecoder } from '../transducer/transducer-decoder.js';
import type { Nemotron } from './nemotron-network.js';

export interface UtteranceDeps {
  readonly model: Nemotron;
  readonly mel: FrontEnd;
  readonly transducer: Transducer;
  readonly encoder: ChunkEncoder;
  /** Of the language. */
  readonly slot: number;
  readonly hotwords?: Hotwords | undefined;
}

export class UtteranceDecoder implements StreamingUtterance {
  readonly #deps: UtteranceDeps;
  readonly #decoder: TransducerDecoder;
  #chunks: number;
  /** What the next chunk needs of earlier ones; it is computed again after `from`. */
  #state: CausalState | undefined;

  constructor(deps: UtteranceDeps, from?: UtterancePlace) {
    this.#deps = deps;
    this.#chunks = from?.chunks ?? 0;
    const frames = this.#chunks * deps.encoder.chunkFrames;
    this.#decoder = openDecoder(
      deps.transducer,
      { hotwords: deps.hotwords },
      from && {
        frames,
        walk: { frame: frames, symbols: 0 },
        recurrent: from.recurrent,
        hotwords: from.hotwords,
      },
    );
  }

  get place(): UtterancePlace {
    const { recurrent, hotwords } = this.#decoder.state;
    return { chunks: this.#chunks, recurrent, ...(hotwords && { hotwords }) };
  }

  get decodedSamples(): number {
    return this.#melFrames(this.#chunks) * HOP_SAMPLES;
  }

  /** The first sample that the next chunk needs. */
  get firstSample(): number {
    return firstSampleOf(this.#deps, this.#chunks);
  }

  /**
   * Decodes the chunks whose audio is known.
   *
   * @param chunksAtOnce more are faster, and give features that differ in the last bits
   * @throws SottoError CANCELLED within one step
   */
  async advance(audio: UtteranceAudio, signal: AbortSignal, chunksAtOnce = 1): Promise<readonly Emission[]> {
    const { mel, encoder } = this.#deps;
    const isKnown = (chunks: number): boolean =>
      samplesFor(mel, melFramesOf(chunks, encoder.chunkFrames)) <= audio.end;
    const emissions: Emission[] = [];
    while (isKnown(this.#chunks + 1)) {
      let to = this.#chunks + 1;
      while (to - this.#chunks < chunksAtOnce && isKnown(to + 1)) to++;
      emissions.push(...(await this.#decode(audio, this.#melFrames(to), false, signal)));
      this.#chunks = to;
    }
    return emissions;
  }

  /** After `advance`: decodes the rest. No audio follows. */
  async finish(audio: UtteranceAudio, signal: AbortSignal): Promise<readonly Emission[]> {
    const to = Math.floor(audio.end / HOP_SAMPLES);
    return to > this.#melFrames(this.#chunks) ? this.#decode(audio, to, true, signal) : [];
  }

  dispose(): void {
    this.#decoder.dispose();
    if (this.#state !== undefined) disposeState(this.#state);
    this.#state = undefined;
  }

  #melFrames(chunks: number): number {
    return melFramesOf(chunks, this.#deps.encoder.chunkFrames);
  }

  async #decode(
    audio: UtteranceAudio,
    to: number,
    isLast: boolean,
    signal: AbortSignal,
  ): Promise<readonly Emission[]> {
    const { model, encoder, mel, slot } = this.#deps;
    const before = await this.#stateBefore(audio, signal);
    const frames = framesBetween(mel, this.#melFrames(this.#chunks), to, audio.end, (a, b) =>
      audio.read(a, b),
    );
    const { features, state } = await encoder.encode(frames, before, isLast, signal);
    disposeState(before);
    this.#state = state;
    const conditioned = mx.tidy(() => mx.contiguous(model.withLanguage(features, slot)));
    features.dispose();
    try {
      await yieldToEventLoop(signal);
      return await this.#decoder.decode(conditioned, signal);
    } finally {
      conditioned.dispose();
    }
  }

  /** Computes the state again from the audio if there is none: exactly, since equal chunks give equal features. */
  async #stateBefore(audio: UtteranceAudio, signal: AbortSignal): Promise<CausalState> {
    if (this.#state !== undefined) return this.#state;
    const { encoder, mel } = this.#deps;
    const first = warmUpStart(this.#deps, this.#chunks);
    let state = first === 0 ? encoder.start() : encoder.startWithin();
    try {
      for (let chunk = first; chunk < this.#chunks;) {
        const end = Math.min(chunk + encoder.warmUpChunksAtOnce, this.#chunks);
        const mels: MxArray[] = [];
        for (; chunk < end; chunk++) {
          const [from, to] = [this.#melFrames(chunk), this.#melFrames(chunk + 1)];
          mels.push(framesBetween(mel, from, to, audio.end, (a, b) => audio.read(a, b)));
        }
        state = await encoder.warmUp(mels, state, this.#chunks - end, signal);
        await yieldToEventLoop(signal);
      }
    } catch (error) {
      disposeState(state);
      throw error;
    }
    this.#state = state;
    return state;
  }
}

/** The first chunk from which an encoder is exact before chunk `chunks`. */
function warmUpStart({ model, encoder }: Pick<UtteranceDeps, 'model' | 'encoder'>, chunks: number): number {
  return Math.max(0, chunks - warmUpChunks(model.config.encoder, encoder.chunkFrames));
}

/** The first sample that a decoder needs that continues at a place. */
export function firstSampleFor(
  deps: Pick<UtteranceDeps, 'model' | 'encoder' | 'mel'>,
  chunks: number,
): number {
  return firstSampleOf(deps, warmUpStart(deps, chunks));
}

/** The first sample that the mel frames of a chunk need. */
function firstSampleOf({ encoder, mel }: Pick<UtteranceDeps, 'encoder' | 'mel'>, chunk: number): number {
  const { padding, hopSamples } = mel.config;
  const start = melFramesOf(chunk, encoder.chunkFrames) * hopSamples - padding.samples;
  return Math.max(0, start - 1); // the sample before it is for pre-emphasis
}
