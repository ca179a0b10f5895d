/** Moonshine: transcribes English, at a cost that follows the length of the speech. */
import { basename, resolve } from 'node:path';

import { VoiceActivity } from '#daemon/audio/vad/index.js';
import {
  commonOptionsSchema,
  type TranscribeEvent,
  type TranscribeOptions,
  type TranscribeResult,
} from '#daemon/protocol/transcription.js';

import { ownOptions } from '../own-options.js';
import { transcribePieces } from '../pieces/transcribe-pieces.js';
import type { AudioStream, LoadOptions, Recognizer } from '../speech-model.js';
import { LivePieces } from '../streaming/live-pieces.js';
import type { LiveCheckpoint, LiveSpeechOptions } from '../streaming/live-speech.js';
import { startLoadingMoonshine } from './load-moonshine.js';
import { MOONSHINE_CAPABILITIES } from './moonshine-capabilities.js';
import { readConfig } from './moonshine-checkpoint.js';
import { MoonshineDecoder, type MoonshineDeps } from './moonshine-decoder.js';
import { moonshineOptionsSchema } from './moonshine-options.js';
import { PieceVocabulary } from './piece-vocabulary.js';

export type { MoonshineConfig } from './moonshine-config.js';
export type { MoonshineOptions } from './moonshine-options.js';

export class MoonshineModel implements Recognizer {
  readonly family = 'moonshine';
  readonly capabilities = MOONSHINE_CAPABILITIES;
  readonly weightBytes: number;

  private constructor(
    readonly name: string,
    readonly deps: MoonshineDeps & { readonly voice: VoiceActivity },
  ) {
    this.weightBytes = deps.model.nbytes;
  }

  /**
   * @example
   * const model = await MoonshineModel.load('models/moonshine-tiny');
   * for await (const event of model.transcribe(await openAudio('talk.flac'), {}, signal)) console.log(event);
   */
  static async load(dir: string, options: LoadOptions = {}): Promise<MoonshineModel> {
    const config = await readConfig(dir);
    const vocabulary = PieceVocabulary.load(dir, config.vocabulary);
    const model = await (await startLoadingMoonshine(dir, config, options)).model;
    try {
      const voice = await VoiceActivity.load();
      return new MoonshineModel(basename(resolve(dir)), { model, vocabulary, voice });
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
      schema: moonshineOptionsSchema,
    });
    const capabilities = this.capabilities.transcribe;
    const { beamSize, hotwords } = options;
    const decoder = new MoonshineDecoder(this.deps, { ...own, beamSize, hotwords });
    return transcribePieces({ decoder, voice: this.deps.voice, capabilities }, audio, options, signal);
  }

  stream(options: LiveSpeechOptions, from?: LiveCheckpoint): LivePieces {
    const { model, voice } = this.deps;
    const { width, encoderLayers, decoderLayers, vocabulary } = model.config;
    const deps = {
      decoder: new MoonshineDecoder(this.deps, { hotwords: options.hotwords }),
      voice,
      capabilities: this.capabilities.transcribe,
      checkpointKey: ['moonshine', width, encoderLayers, decoderLayers, vocabulary].join('-'),
    };
    return new LivePieces(deps, options, from);
  }

  dispose(): void {
    this.deps.model.dispose();
    this.deps.voice.dispose();
  }
}
