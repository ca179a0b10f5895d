/** Parakeet: transcribes English, Japanese or 25 European languages with a FastConformer encoder. */
import { basename, resolve } from 'node:path';

import * as v from 'valibot';

import { SpectralFrontEnd } from '#daemon/audio/mel/front-end.js';
import { nemoMel } from '#daemon/audio/mel/variants.js';
import { VoiceActivity } from '#daemon/audio/vad/index.js';
import { SottoError } from '#daemon/protocol/errors.js';
import {
  commonOptionsSchema,
  type TranscribeEvent,
  type TranscribeOptions,
  type TranscribeResult,
} from '#daemon/protocol/transcription.js';

import { currentBackend } from '../memory/backend.js';
import { ownOptions } from '../own-options.js';
import { transcribePieces } from '../pieces/transcribe-pieces.js';
import type { AudioStream, LoadOptions, Recognizer } from '../speech-model.js';
import type { LiveCheckpoint, LiveSpeech, LiveSpeechOptions } from '../streaming/live-speech.js';
import { LanguageFilter } from './language-filter.js';
import { liveParakeet } from './live-parakeet.js';
import { loadParakeet } from './load-parakeet.js';
import { parakeetCapabilities } from './parakeet-capabilities.js';
import { readConfig } from './parakeet-checkpoint.js';
import { chosenContext, ParakeetDecoder, type ParakeetDeps } from './parakeet-decoder.js';
import { batchRowBytes } from './parakeet-footprint.js';
import { parakeetOptionsSchema, type ParakeetOptions } from './parakeet-options.js';
import { transducerOf } from './parakeet-transducer.js';
import { SentencePieces } from '../text/sentence-pieces.js';

export type { ParakeetConfig } from './parakeet-config.js';
export type { ParakeetOptions } from './parakeet-options.js';

export class ParakeetModel implements Recognizer {
  readonly family = 'parakeet';
  readonly capabilities: ReturnType<typeof parakeetCapabilities>;
  readonly weightBytes: number;
  readonly batch: NonNullable<Recognizer['batch']>;

  private constructor(
    readonly name: string,
    readonly deps: ParakeetDeps & { readonly voice: VoiceActivity },
  ) {
    this.capabilities = parakeetCapabilities(deps.model.config);
    this.weightBytes = deps.model.nbytes;
    // Pieces never know each other's text.
    this.batch = {
      rowBytes: ({ parakeet: own }) => {
        // Of options that `transcribe` rejects, none counts.
        const context = v.is(parakeetOptionsSchema, own) ? chosenContext(own.localAttention) : undefined;
        return batchRowBytes(deps.model.config, currentBackend(), context);
      },
      suits: () => true,
    };
  }

  /**
   * @example
   * const model = await ParakeetModel.load('models/parakeet-tdt-0.6b-v3');
   * for await (const event of model.transcribe(await openAudio('talk.flac'), {}, signal)) console.log(event);
   */
  static async load(dir: string, options: LoadOptions = {}): Promise<ParakeetModel> {
    const config = await readConfig(dir);
    const vocabulary = SentencePieces.load(dir, config);
    const model = await loadParakeet(dir, config, options);
    try {
      const voice = await VoiceActivity.load();
      const mel = new SpectralFrontEnd(nemoMel(config.encoder.bands));
      const filter = new LanguageFilter(config, vocabulary);
      const deps = { model, mel, vocabulary, filter, voice, transducer: transducerOf(model) };
      return new ParakeetModel(basename(resolve(dir)), deps);
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
    const own = ownOptions(options, commonOptionsSchema, {
      name: this.family,
      schema: parakeetOptionsSchema,
    });
    this.#checkHead(own);
    const { beamSize, hotwords } = options;
    const capabilities = this.capabilities.transcribe;
    const decoder = new ParakeetDecoder(this.deps, { ...own, beamSize, hotwords });
    return transcribePieces({ decoder, voice: this.deps.voice, capabilities }, audio, options, signal);
  }

  stream(options: LiveSpeechOptions, from?: LiveCheckpoint): LiveSpeech {
    return liveParakeet({ ...this.deps, capabilities: this.capabilities.transcribe }, options, from);
  }

  dispose(): void {
    this.deps.filter.dispose();
    this.deps.model.dispose();
    this.deps.mel.dispose();
    this.deps.voice.dispose();
  }

  #checkHead({ head }: ParakeetOptions): void {
    const { hasCtc, transducer } = this.deps.model.config;
    const isPresent = head === 'ctc' ? hasCtc : transducer !== undefined;
    if (head === undefined || isPresent) return;
    throw new SottoError('INVALID_ARGUMENT', `parakeet.head: ${this.name} has no ${head} head`);
  }
}
