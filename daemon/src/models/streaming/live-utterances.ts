/**
 * Live text by a family whose tokens are final when they are emitted: each update decodes the audio of the open utterance that
 * is complete, and each word is committed once the next one begins or the speaker pauses. Nothing is decoded in silence.
 */
import { SAMPLE_RATE } from '#daemon/audio/mel/mel.js';
import { FRAME_SAMPLES, type VoiceActivity } from '#daemon/audio/vad/index.js';
import { defined } from '#daemon/protocol/defined.js';
import type { TranscribeResult, Word } from '#daemon/protocol/transcription.js';

import { checkedLanguage, checkPieceOptions, type PieceCapabilities } from '../pieces/piece-options.js';
import { SampleBuffer } from '../pieces/sample-buffer.js';
import type { SentencePieces } from '../text/sentence-pieces.js';
import { isSpaced } from '../text/word-spacing.js';
import type { Emission } from '../transducer/greedy-walk.js';
import { timedEmission } from '../transducer/timed-emission.js';
import type { TransducerConfig } from '../transducer/transducer-network.js';
import { LiveEmissions } from './live-emissions.js';
import type { LiveCheckpoint, LiveSpeech, LiveSpeechOptions, LiveUpdate } from './live-speech.js';
import {
  packState,
  unpackState,
  type LiveUtterancesState,
  type UtterancePlace,
} from './live-utterances-state.js';
import { isResultCertainEnough } from './offline-certainty.js';
import { VoiceTracker } from './voice-tracker.js';

/** Kept before detected speech: its onset is too quiet for the VAD. */
const LEAD_IN_SAMPLES = 0.5 * SAMPLE_RATE;
/** Less than this is not counted as speech. */
const MIN_SPEECH_SECONDS = 0.2;
/** Silence after which the open word is whole, if as much of it is decoded as the second number says. */
const WORD_END_SECONDS = 1;
const DECODED_SILENCE_SAMPLES = 0.3 * SAMPLE_RATE;
/** A longer utterance ends in a shorter pause. */
const LONG_UTTERANCE_SAMPLES = 40 * SAMPLE_RATE;
const LONG_UTTERANCE_END_SECONDS = 0.5;

/** Positions count from the start of the utterance. */
export interface UtteranceAudio {
  /** Samples known so far. */
  readonly end: number;
  /** Copies the samples between two positions. */
  read(from: number, to: number): Float32Array;
}

/** Decodes one utterance while it is spoken. Its tokens depend on its audio alone, not on when parts of it were known. */
export interface StreamingUtterance {
  /** Where decoding stands after `advance`. */
  readonly place: UtterancePlace;
  /** Samples before this are not needed any more. */
  readonly firstSample: number;
  /** Tokens that begin before this sample are emitted. */
  readonly decodedSamples: number;

  /** Decodes what the known audio completes. @throws SottoError CANCELLED within one step */
  advance(audio: UtteranceAudio, signal: AbortSignal): Promise<readonly Emission[]>;

  /** After `advance`: tokens of later audio, which may still change. */
  preview?(audio: UtteranceAudio, signal: AbortSignal): Promise<readonly Emission[]>;

  /** After `advance`: decodes the rest. No audio follows. */
  finish(audio: UtteranceAudio, signal: AbortSignal): Promise<readonly Emission[]>;

  dispose(): void;
}

export interface LiveUtterancesDeps {
  readonly voice: Pick<VoiceActivity, 'stream'>;
  readonly vocabulary: SentencePieces;
  readonly capabilities: PieceCapabilities;
  readonly transducer: TransducerConfig;
  /** Identifies models that may share checkpoints. */
  readonly checkpointKey: string;
  /** Silence after which the utterance is over; until then it is context for the model. */
  readonly utteranceEndSeconds: number;

  /** @param language chosen, or the only one of the model */
  open(language: string | undefined, from?: UtterancePlace): StreamingUtterance;

  /** The first sample of an utterance that another process needs to continue from a place. */
  firstSampleFor(place: UtterancePlace): number;

  /** The language that a token tells. */
  languageOf?(token: number): string | undefined;
}

export class LiveUtterances implements LiveSpeech {
  readonly #deps: LiveUtterancesDeps;
  readonly #buffer: SampleBuffer;
  readonly #voice: VoiceTracker;
  /** The first sample that the VAD needs. */
  readonly #vadFrom: number;
  readonly #text: LiveEmissions;
  /** Told by the caller, or the only one of the model. */
  readonly #chosenLanguage: string | undefined;
  #detectedLanguage: string | undefined;
  /** Sample where the utterance starts. */
  #start: number;
  /** Present while the speaker speaks, or pauses for a moment. */
  #utterance: StreamingUtterance | undefined;

  /** @throws SottoError INVALID_ARGUMENT for options that the model does not have, and for a checkpoint of another model */
  constructor(deps: LiveUtterancesDeps, options: LiveSpeechOptions, checkpoint?: LiveCheckpoint) {
    checkPieceOptions(options, deps.capabilities);
    this.#deps = deps;
    const from = checkpoint && unpackState(checkpoint, this.#checkpointModel);
    this.#buffer = new SampleBuffer(checkpoint?.fromSample);
    this.#voice = new VoiceTracker(deps.voice, from?.voice);
    this.#vadFrom = from ? VoiceTracker.fromSample(from.voice) : 0;
    this.#text = new LiveEmissions(deps.vocabulary, from);
    this.#chosenLanguage = checkedLanguage(options.language, deps.capabilities.languages);
    this.#detectedLanguage = from?.language;
    this.#start = from?.start ?? 0;
    this.#utterance = from?.utterance && deps.open(this.#chosenLanguage, from.utterance);
  }

  get speaking(): boolean {
    return this.#voice.speaking;
  }

  get hasText(): boolean {
    return this.#text.meanLogprob !== undefined;
  }

  prefers(result: TranscribeResult): boolean {
    return isResultCertainEnough(result, this.#text.meanLogprob);
  }

  push(samples: Float32Array): void {
    const skipped = Math.max(0, this.#vadFrom - this.#buffer.end);
    this.#buffer.push(samples);
    this.#voice.push(samples.subarray(Math.min(samples.length, skipped)));
  }

  checkpoint(): LiveCheckpoint {
    const state: LiveUtterancesState = {
      ...this.#text.state,
      start: this.#start,
      ...defined({ language: this.#detectedLanguage, utterance: this.#utterance?.place }),
      voice: this.#voice.state,
    };
    return packState(state, this.#checkpointModel);
  }

  async update(signal: AbortSignal): Promise<LiveUpdate> {
    this.#voice.update();
    if (!this.#isSpeech) {
      this.#endUtterance();
      return this.#updateOf([]);
    }
    const utterance = await this.#advance(signal);
    const { silentSeconds } = this.#voice;
    const isLong = this.#buffer.end - this.#start > LONG_UTTERANCE_SAMPLES;
    if (silentSeconds >= (isLong ? LONG_UTTERANCE_END_SECONDS : this.#deps.utteranceEndSeconds)) {
      return this.#finishUtterance(utterance, signal);
    }
    const preview = (await utterance.preview?.(this.#audio, signal)) ?? [];
    this.#buffer.drop(this.#start + utterance.firstSample);
    const isWordWhole = silentSeconds >= WORD_END_SECONDS && this.#isSilenceDecoded(utterance);
    return this.#updateOf(this.#text.commit(this.#isSpaced, isWordWhole), preview);
  }

  async finish(signal: AbortSignal): Promise<LiveUpdate> {
    this.#voice.update();
    if (!this.#isSpeech) return this.#updateOf([]);
    return this.#finishUtterance(await this.#advance(signal), signal);
  }

  dispose(): void {
    this.#utterance?.dispose();
    this.#utterance = undefined;
  }

  /** Whether an utterance is open, or there is speech longer than a cough. */
  get #isSpeech(): boolean {
    return this.#utterance !== undefined || this.#voice.evidence.seconds >= MIN_SPEECH_SECONDS;
  }

  get #isSpaced(): boolean {
    return isSpaced(this.#chosenLanguage ?? this.#detectedLanguage ?? 'en');
  }

  get #audio(): UtteranceAudio {
    const start = this.#start;
    return {
      end: this.#buffer.end - start,
      read: (from, to) => this.#buffer.read(start + from, start + to),
    };
  }

  get #checkpointModel() {
    const { checkpointKey, transducer } = this.#deps;
    return {
      key: checkpointKey,
      transducer,
      firstSampleOf: ({ start, utterance, voice }: LiveUtterancesState): number => {
        const needed = utterance === undefined ? 0 : this.#deps.firstSampleFor(utterance);
        return Math.min(start + needed, VoiceTracker.fromSample(voice));
      },
    };
  }

  #isSilenceDecoded({ decodedSamples }: StreamingUtterance): boolean {
    const speechEnd = this.#voice.speechEndFrames * FRAME_SAMPLES;
    return this.#start + decodedSamples >= speechEnd + DECODED_SILENCE_SAMPLES;
  }

  async #advance(signal: AbortSignal): Promise<StreamingUtterance> {
    this.#utterance ??= this.#deps.open(this.#chosenLanguage);
    this.#emit(await this.#utterance.advance(this.#audio, signal));
    return this.#utterance;
  }

  #emit(emissions: readonly Emission[]): void {
    this.#text.push(this.#timed(emissions));
    for (const { token } of emissions)
      this.#detectedLanguage = this.#deps.languageOf?.(token) ?? this.#detectedLanguage;
  }

  /** A duration may reach over the end of the audio, the last frame does if it is not full. */
  #timed(emissions: readonly Emission[]) {
    const start = this.#start / SAMPLE_RATE;
    const last = this.#buffer.end / SAMPLE_RATE;
    return emissions.map((emission) => {
      const token = timedEmission(emission, start);
      return { ...token, end: Math.min(token.end, last) };
    });
  }

  async #finishUtterance(utterance: StreamingUtterance, signal: AbortSignal): Promise<LiveUpdate> {
    this.#emit(await utterance.finish(this.#audio, signal));
    const words = this.#text.commit(this.#isSpaced, true);
    this.#endUtterance();
    return this.#updateOf(words);
  }

  /** Ends the utterance, or moves the start of the next one while there is no speech. */
  #endUtterance(): void {
    if (this.#utterance !== undefined || this.#voice.silentSeconds >= WORD_END_SECONDS)
      this.#voice.resetUtterance();
    this.dispose();
    this.#text.startUtterance();
    this.#start = Math.max(this.#start, this.#buffer.end - LEAD_IN_SAMPLES);
    this.#buffer.drop(this.#start);
  }

  #updateOf(committed: readonly Word[], preview: readonly Emission[] = []): LiveUpdate {
    return {
      committed,
      tentative: this.#text.tentative(this.#isSpaced, this.#timed(preview)),
      ...defined({ language: this.#chosenLanguage ?? this.#detectedLanguage }),
    };
  }
}
