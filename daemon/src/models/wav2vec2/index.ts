/** Wav2Vec2: letters with their times, and the alignment of a known text. */
import { basename, resolve } from 'node:path';
import * as v from 'valibot';

import { VoiceActivity } from '#daemon/audio/vad/index.js';
import type { Alignment } from '#daemon/protocol/aligned-text.js';
import type { Capabilities } from '#daemon/protocol/capabilities.js';
import { SottoError } from '#daemon/protocol/errors.js';
import {
  commonOptionsSchema,
  type TranscribeEvent,
  type TranscribeOptions,
  type TranscribeResult,
} from '#daemon/protocol/transcription.js';

import { alignWords } from '../ctc/align-text.js';
import { overlappingChunks } from '../ctc/chunks.js';
import { decodeEmissions } from '../ctc/decode-emissions.js';
import { joinEmissions, sliceEmissions, type Emissions } from '../ctc/emissions.js';
import { Hotwords } from '../hotwords/hotword-trie.js';
import { ownOptions } from '../own-options.js';
import type { PieceContext, PieceDecoder, SpeechPiece, TimedToken } from '../pieces/piece-decoder.js';
import { checkedLanguage } from '../pieces/piece-options.js';
import { transcribePieces, type PieceDeps } from '../pieces/transcribe-pieces.js';
import type { AudioStream, LoadOptions, Recognizer } from '../speech-model.js';
import { LivePieces } from '../streaming/live-pieces.js';
import type { LiveCheckpoint, LiveSpeechOptions } from '../streaming/live-speech.js';
import { languageNames, useLanguage } from './language-adapters.js';
import { LetterVocabulary } from './letter-vocabulary.js';
import { loadWav2Vec2 } from './load-wav2vec2.js';
import { readTokenizerFiles, type TokenizerFiles } from './tokenizer-files.js';
import { MAX_PIECE_SECONDS, wav2Vec2Capabilities } from './wav2vec2-capabilities.js';
import { readConfig } from './wav2vec2-checkpoint.js';
import { frameGeometry } from './wav2vec2-config.js';
import { emissionsOfSamples, secondsOf, timedTokens } from './wav2vec2-decoder.js';
import type { Wav2Vec2 } from './wav2vec2-network.js';

/** For each letter of a hotword. */
const HOTWORD_NATS = 1.5;

/** Chunks of an alignment: 20 s, with 5 s on each side that are dropped. */
const ALIGN_CHUNK = { frames: 1000, context: 250 };
/** Share of an alignment that computes the network. */
const ENCODING_SHARE = 0.9;

const noOptions = v.strictObject({});

export class Wav2Vec2Model implements Recognizer {
  readonly family = 'wav2vec2';
  readonly capabilities: Capabilities;
  readonly weightBytes: number;
  readonly #network: Wav2Vec2;
  readonly #dir: string;
  readonly #files: TokenizerFiles;
  readonly #voice: VoiceActivity;
  /** Of the adapters in the network. */
  #vocabulary: LetterVocabulary;
  #language: string | undefined;

  private constructor(
    dir: string,
    network: Wav2Vec2,
    files: TokenizerFiles,
    vocabulary: LetterVocabulary,
    voice: VoiceActivity,
  ) {
    this.#dir = dir;
    this.#network = network;
    this.#files = files;
    this.#voice = voice;
    this.#vocabulary = vocabulary;
    this.#language = files.language;
    this.capabilities = wav2Vec2Capabilities(dir, files, vocabulary, network.config);
    this.weightBytes = network.nbytes;
  }

  /**
   * @example
   * const model = await Wav2Vec2Model.load('wav2vec2-base-960h');
   * for await (const event of model.transcribe(await openAudio('talk.flac'), {}, signal)) console.log(event);
   */
  static async load(dir: string, options: LoadOptions = {}): Promise<Wav2Vec2Model> {
    const config = await readConfig(dir);
    const files = readTokenizerFiles(dir);
    const vocabulary = new LetterVocabulary(files, files.language, config.vocab_size);
    const network = await loadWav2Vec2(dir, config, options);
    try {
      return new Wav2Vec2Model(dir, network, files, vocabulary, await VoiceActivity.load());
    } catch (error) {
      network.dispose();
      throw error;
    }
  }

  get name(): string {
    return basename(resolve(this.#dir));
  }

  async *transcribe(
    audio: AudioStream,
    options: TranscribeOptions,
    signal: AbortSignal,
  ): AsyncGenerator<TranscribeEvent, TranscribeResult> {
    ownOptions(options, commonOptionsSchema, { name: this.family, schema: noOptions });
    return yield* transcribePieces(this.#pieceDeps(options), audio, options, signal);
  }

  stream(options: LiveSpeechOptions, from?: LiveCheckpoint): LivePieces {
    const { hidden_size: dims, num_hidden_layers: layers, vocab_size: tokens } = this.#network.config;
    const checkpointKey = ['wav2vec2', dims, layers, tokens].join('-');
    return new LivePieces({ ...this.#pieceDeps(options), checkpointKey }, options, from);
  }

  async align(
    { samples, durationSeconds }: AudioStream,
    words: readonly string[],
    { language }: { readonly language?: string },
    signal: AbortSignal,
    onProgress?: (fraction: number) => void,
  ): Promise<Alignment> {
    const { config } = this.#network;
    if (config.add_adapter) throw new SottoError('MODEL_UNSUPPORTED', `${this.name} can’t align a text`);
    await this.#use(checkedLanguage(language, this.capabilities.transcribe?.languages ?? []));
    const { hop, window } = frameGeometry(config);
    const parts: Emissions[] = [];
    let frames = 0;
    for await (const chunk of overlappingChunks(samples, { hop, window, ...ALIGN_CHUNK })) {
      const all = await emissionsOfSamples(this.#network, chunk.samples, this.#files.normalizes, signal);
      const end = Math.min(all.frames, chunk.skip + chunk.keep);
      parts.push(sliceEmissions(all, Math.min(chunk.skip, end), end));
      frames += end - chunk.skip;
      if (durationSeconds !== undefined) {
        onProgress?.(ENCODING_SHARE * Math.min(1, secondsOf(frames, config) / durationSeconds));
      }
    }
    const emissions = joinEmissions(parts);
    const aligned = await alignWords(
      emissions,
      words,
      this.#vocabulary,
      (frame) => secondsOf(frame, config),
      {
        signal,
        onProgress: (fraction) => onProgress?.(ENCODING_SHARE + (1 - ENCODING_SHARE) * fraction),
      },
    );
    return { durationSeconds: secondsOf(emissions.frames, config), ...aligned };
  }

  dispose(): void {
    this.#network.dispose();
    this.#voice.dispose();
  }

  #pieceDeps(options: Pick<TranscribeOptions, 'beamSize' | 'hotwords'>): PieceDeps {
    const { transcribe } = this.capabilities;
    if (transcribe === undefined) throw new RangeError('a recognizer transcribes');
    const decoder: PieceDecoder = {
      maxSeconds: MAX_PIECE_SECONDS,
      decode: (piece, context, signal) => this.#decode(piece, context, options, signal),
    };
    return { decoder, voice: this.#voice, capabilities: transcribe };
  }

  async #decode(
    { samples }: SpeechPiece,
    { language, stopwatch }: PieceContext,
    { beamSize = 1, hotwords = [] }: Pick<TranscribeOptions, 'beamSize' | 'hotwords'>,
    signal: AbortSignal,
  ): Promise<readonly TimedToken[]> {
    await this.#use(language);
    const emissions = await stopwatch.time('encode', () =>
      emissionsOfSamples(this.#network, samples, this.#files.normalizes, signal),
    );
    return stopwatch.time('decode', () => this.#tokens(emissions, beamSize, hotwords, signal));
  }

  async #tokens(
    emissions: Emissions,
    beamSize: number,
    words: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly TimedToken[]> {
    const { blank } = this.#vocabulary;
    const hotwords = new Hotwords(words, this.#vocabulary, HOTWORD_NATS);
    const tokens = await decodeEmissions(emissions, { blank, beamSize, hotwords, signal });
    return timedTokens(tokens, this.#vocabulary, this.#network.config);
  }

  /** Changes the adapters to those of a language of the capabilities; undefined keeps them. */
  async #use(language: string | undefined): Promise<void> {
    if (this.#files.language === undefined || language === undefined) return;
    const name = languageNames(this.#dir, this.#files).get(language);
    if (name === undefined || name === this.#language) return;
    this.#vocabulary = await useLanguage(this.#network, this.#dir, this.#files, name);
    this.#language = name;
  }
}
