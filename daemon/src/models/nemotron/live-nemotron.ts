/**
 * Streaming with Nemotron: each update decodes the chunks of audio that are complete. Tokens are final when they are emitted,
 * and each word is committed once the next one begins or the speaker pauses. Nothing is decoded in silence.
 */
import { SAMPLE_RATE } from '#daemon/audio/mel/mel.js';
import type { VoiceActivity } from '#daemon/audio/vad/index.js';
import { defined } from '#daemon/protocol/defined.js';
import type { TranscribeResult, Word } from '#daemon/protocol/transcription.js';

import { checkedLanguage, checkPieceOptions, type PieceCapabilities } from '../pieces/piece-options.js';
import { SampleBuffer } from '../pieces/sample-buffer.js';
import { isResultCertainEnough } from '../streaming/offline-certainty.js';
import type { LiveCheckpoint, LiveSpeech, LiveSpeechOptions, LiveUpdate } from '../streaming/live-speech.js';
import { VoiceTracker } from '../streaming/voice-tracker.js';
import { isSpaced } from '../text/word-spacing.js';
import type { Emission } from '../transducer/greedy-walk.js';
import { LiveEmissions } from './live-emissions.js';
import { packState, unpackState, type LiveNemotronState } from './live-nemotron-state.js';
import type { NemotronDecoderDeps } from './nemotron-decoder.js';
import { languageOfTag, slotOf } from './nemotron-languages.js';
import { timedEmission } from './timed-emission.js';
import { firstSampleFor, UtteranceDecoder, type UtteranceAudio } from './utterance-decoder.js';

/** Kept before detected speech: its onset is too quiet for the VAD. */
const LEAD_IN_SAMPLES = 0.5 * SAMPLE_RATE;
/** Less than this is not counted as speech. */
const MIN_SPEECH_SECONDS = 0.2;
/** Silence after which the open word is whole. */
const WORD_END_SECONDS = 1;
/** Silence after which the utterance is over; until then it is context for the model. */
const UTTERANCE_END_SECONDS = 2.5;
/** A longer utterance ends in a shorter pause, since another process would have to encode all of it again. */
const LONG_UTTERANCE_SAMPLES = 40 * SAMPLE_RATE;
const LONG_UTTERANCE_END_SECONDS = 0.5;

export interface LiveNemotronDeps extends NemotronDecoderDeps {
  readonly voice: Pick<VoiceActivity, 'stream'>;
  readonly capabilities: PieceCapabilities;
}

export class LiveNemotron implements LiveSpeech {
  readonly #deps: LiveNemotronDeps;
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
  #utterance: UtteranceDecoder | undefined;

  /** @throws SottoError INVALID_ARGUMENT for options that the model does not have, and for a checkpoint of another model */
  constructor(deps: LiveNemotronDeps, options: LiveSpeechOptions, checkpoint?: LiveCheckpoint) {
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
    this.#utterance = from?.utterance && new UtteranceDecoder(this.#utteranceDeps, from.utterance);
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
    const state: LiveNemotronState = {
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
    this.#utterance ??= new UtteranceDecoder(this.#utteranceDeps);
    this.#emit(await this.#utterance.advance(this.#audio, signal));
    const { silentSeconds } = this.#voice;
    const isLong = this.#buffer.end - this.#start > LONG_UTTERANCE_SAMPLES;
    if (silentSeconds >= (isLong ? LONG_UTTERANCE_END_SECONDS : UTTERANCE_END_SECONDS)) {
      return this.#finishUtterance(this.#utterance, signal);
    }
    this.#buffer.drop(this.#start + this.#utterance.firstSample);
    return this.#updateOf(this.#text.commit(this.#isSpaced, silentSeconds >= WORD_END_SECONDS));
  }

  async finish(signal: AbortSignal): Promise<LiveUpdate> {
    this.#voice.update();
    if (!this.#isSpeech) return this.#updateOf([]);
    this.#utterance ??= new UtteranceDecoder(this.#utteranceDeps);
    this.#emit(await this.#utterance.advance(this.#audio, signal));
    return this.#finishUtterance(this.#utterance, signal);
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

  get #utteranceDeps() {
    return { ...this.#deps, slot: slotOf(this.#deps.model.config, this.#chosenLanguage) };
  }

  get #checkpointModel() {
    const { model, encoder } = this.#deps;
    const { tokens, encoder: shape, transducer } = model.config;
    return {
      key: ['nemotron', tokens, shape.dims, shape.layers, shape.bands, encoder.chunkFrames].join('-'),
      transducer,
      firstSampleOf: ({ start, utterance, voice }: LiveNemotronState): number => {
        const needed = utterance === undefined ? 0 : firstSampleFor(this.#deps, utterance.chunks);
        return Math.min(start + needed, VoiceTracker.fromSample(voice));
      },
    };
  }

  #emit(emissions: readonly Emission[]): void {
    const start = this.#start / SAMPLE_RATE;
    this.#text.push(emissions.map((emission) => timedEmission(emission, start)));
    const { pieces } = this.#deps.vocabulary;
    for (const { token } of emissions)
      this.#detectedLanguage = languageOfTag(pieces[token]) ?? this.#detectedLanguage;
  }

  async #finishUtterance(utterance: UtteranceDecoder, signal: AbortSignal): Promise<LiveUpdate> {
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

  #updateOf(committed: readonly Word[]): LiveUpdate {
    return {
      committed,
      tentative: this.#text.tentative(this.#isSpaced),
      ...defined({ language: this.#chosenLanguage ?? this.#detectedLanguage }),
    };
  }
}
