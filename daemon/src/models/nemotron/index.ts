/** Nemotron streaming: live text that is final when it appears. */
import { basename, resolve } from 'node:path';

import { SpectralFrontEnd, type FrontEnd } from '#daemon/audio/mel/front-end.js';
import { nemoMel } from '#daemon/audio/mel/variants.js';
import { VoiceActivity } from '#daemon/audio/vad/index.js';
import {
  commonOptionsSchema,
  type TranscribeEvent,
  type TranscribeOptions,
  type TranscribeResult,
} from '#daemon/protocol/transcription.js';

import { ChunkEncoder } from '../conformer/chunk-encoder.js';
import { pieceHotwords } from '../hotwords/piece-hotwords.js';
import { ownOptions } from '../own-options.js';
import { transcribePieces } from '../pieces/transcribe-pieces.js';
import type { AudioStream, LoadOptions, Recognizer } from '../speech-model.js';
import type { LiveCheckpoint, LiveSpeechOptions } from '../streaming/live-speech.js';
import { LiveUtterances } from '../streaming/live-utterances.js';
import { SentencePieces } from '../text/sentence-pieces.js';
import { Transducer } from '../transducer/transducer.js';
import { liveNemotron } from './live-nemotron.js';
import { loadNemotron, readConfig } from './load-nemotron.js';
import { nemotronCapabilities } from './nemotron-capabilities.js';
import { NemotronDecoder, type NemotronDecoderDeps } from './nemotron-decoder.js';
import type { Nemotron } from './nemotron-network.js';
import { nemotronOptionsSchema } from './nemotron-options.js';

export type { NemotronConfig } from './nemotron-config.js';
export type { NemotronOptions } from './nemotron-options.js';

const FRAME_MS = 80;
/** Live words wait for no more than 560 ms; a model of a shorter look-ahead keeps that. */
const MAX_LIVE_LOOKAHEAD = 6;

interface NemotronDeps {
  readonly model: Nemotron;
  readonly mel: FrontEnd;
  readonly vocabulary: SentencePieces;
  readonly voice: VoiceActivity;
}

export class NemotronModel implements Recognizer {
  readonly family = 'nemotron';
  readonly capabilities: ReturnType<typeof nemotronCapabilities>;
  readonly weightBytes: number;
  readonly #transducer: Transducer;
  /** By the frames of a chunk. */
  readonly #encoders = new Map<number, ChunkEncoder>();

  private constructor(
    readonly name: string,
    readonly deps: NemotronDeps,
  ) {
    const { model } = deps;
    this.capabilities = nemotronCapabilities(model.config);
    this.weightBytes = model.nbytes;
    this.#transducer = new Transducer(model.config.transducer, model.decoder, model.joint, model.dtype);
  }

  /**
   * @example
   * const model = await NemotronModel.load('models/nemotron-speech-streaming-en-0.6b');
   * const live = model.stream({});
   * live.push(samples);
   * const { committed, tentative } = await live.update(signal);
   */
  static async load(dir: string, options: LoadOptions = {}): Promise<NemotronModel> {
    const config = await readConfig(dir);
    const vocabulary = SentencePieces.load(dir, config);
    const model = await loadNemotron(dir, config, options);
    try {
      const voice = await VoiceActivity.load();
      const mel = new SpectralFrontEnd(nemoMel(config.encoder.bands));
      return new NemotronModel(basename(resolve(dir)), { model, mel, vocabulary, voice });
    } catch (error) {
      model.dispose();
      throw error;
    }
  }

  transcribe(
    audio: AudioStream,
    options: TranscribeOptions,
    signal: AbortSignal,
  ): AsyncGenerator<TranscribeEvent, TranscribeResult> {
    const schema = nemotronOptionsSchema;
    const { lookaheadMs } = ownOptions(options, commonOptionsSchema, { name: this.family, schema });
    const { lookahead } = this.deps.model.config;
    const hotwords = pieceHotwords(this.deps.vocabulary, options.hotwords);
    const chunkFrames = lookaheadMs === undefined ? lookahead + 1 : lookaheadMs / FRAME_MS;
    const decoder = new NemotronDecoder({ ...this.#depsFor(chunkFrames), hotwords });
    const capabilities = this.capabilities.transcribe;
    return transcribePieces({ decoder, voice: this.deps.voice, capabilities }, audio, options, signal);
  }

  stream(options: LiveSpeechOptions, from?: LiveCheckpoint): LiveUtterances {
    const chunkFrames = Math.min(MAX_LIVE_LOOKAHEAD, this.deps.model.config.lookahead) + 1;
    const { voice, vocabulary } = this.deps;
    const hotwords = pieceHotwords(vocabulary, options.hotwords);
    const capabilities = this.capabilities.transcribe;
    const deps = { ...this.#depsFor(chunkFrames), voice, hotwords, capabilities };
    return new LiveUtterances(liveNemotron(deps), options, from);
  }

  dispose(): void {
    for (const encoder of this.#encoders.values()) encoder.dispose();
    this.#encoders.clear();
    this.deps.model.dispose();
    this.deps.mel.dispose();
    this.deps.voice.dispose();
  }

  #depsFor(chunkFrames: number): NemotronDecoderDeps {
    const { model, mel, vocabulary } = this.deps;
    const encoder =
      this.#encoders.get(chunkFrames) ?? new ChunkEncoder(model.encoder, chunkFrames, model.dtype);
    this.#encoders.set(chunkFrames, encoder);
    return { model, mel, vocabulary, encoder, transducer: this.#transducer };
  }
}
