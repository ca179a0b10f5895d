/**
 * A model that returns one word per second of audio: a checksum and the position of the decode step that committed it.
 * The text depends on every sample and step, so lost, doubled or moved ones show. It also checks its own use.
 */
import type { LiveCheckpoint, LiveSpeech, LiveUpdate } from '#daemon/models/streaming/live-speech.js';
import type {
  AudioStream,
  Recognizer,
  TranscribeOptions,
  TranscribeResult,
} from '#daemon/models/speech-model.js';
import type { Capabilities } from '#daemon/protocol/capabilities.js';
import { SottoError } from '#daemon/protocol/errors.js';
import type { LiveOptions } from '#daemon/protocol/live.js';
import { scriptedSegment } from './fake-audio.js';
import { SECOND, wordFor } from './ramp.js';
import { RECOGNIZES } from './recognizer-capabilities.js';

/** Audio required after a word before it is committed. */
const AFTER_WORD = 4_000;
/** Audio before the next word that is needed after a restore. */
const CONTEXT = 2_500;

export interface SpeechScript {
  /** Called in each decode step; may wait or throw. */
  readonly onDecode?: (speech: ScriptedSpeech) => Promise<void> | void;
  readonly onFinish?: (speech: ScriptedSpeech) => Promise<void> | void;
  /** Ignores cancellation. */
  readonly deaf?: boolean;
}

interface State {
  readonly word: number;
  readonly words: number;
}

export class ScriptedSpeech implements LiveSpeech {
  /** Samples of the session at each decode step. */
  readonly steps: number[] = [];
  speaking = false;
  disposed = 0;
  readonly #script: SpeechScript;
  readonly #first: number;
  #samples: number;
  #audio = new Float32Array(0);
  /** Start of the next word. */
  #word: number;
  #words: number;
  #busy = false;

  constructor(script: SpeechScript, from?: LiveCheckpoint) {
    const state = from && stateOf(from.state);
    this.#script = script;
    this.#first = this.#samples = from?.fromSample ?? 0;
    this.#word = state?.word ?? 0;
    this.#words = state?.words ?? 0;
  }

  get hasText(): boolean {
    return this.#words > 0;
  }

  prefers({ segments }: TranscribeResult): boolean {
    return segments.every(({ confidence = 1 }) => confidence > 0.5);
  }

  push(samples: Float32Array): void {
    if (this.disposed > 0) throw new Error('audio after the end');
    const audio = new Float32Array(this.#audio.length + samples.length);
    audio.set(this.#audio);
    audio.set(samples, this.#audio.length);
    this.#audio = audio;
    this.#samples += samples.length;
  }

  async update(signal: AbortSignal): Promise<LiveUpdate> {
    await this.#alone(() => this.#script.onDecode?.(this), signal);
    this.steps.push(this.#samples);
    return this.#updateFor(SECOND, AFTER_WORD, ' …');
  }

  async finish(signal: AbortSignal): Promise<LiveUpdate> {
    await this.#alone(() => this.#script.onFinish?.(this), signal);
    return this.#updateFor(1, 0, '');
  }

  checkpoint(): LiveCheckpoint {
    const fromSample = Math.max(this.#first, this.#word - CONTEXT);
    const state: State = { word: this.#word, words: this.#words };
    return { fromSample, state };
  }

  dispose(): void {
    if (this.#busy) throw new Error('disposed while it looks');
    this.disposed += 1;
  }

  async #alone(work: () => Promise<void> | void, signal: AbortSignal): Promise<void> {
    if (this.#busy || this.disposed > 0) throw new Error('looked at twice at once, or after the end');
    this.#busy = true;
    try {
      await work();
    } finally {
      this.#busy = false;
    }
    if (signal.aborted && this.#script.deaf !== true) throw new SottoError('CANCELLED', 'cancelled');
  }

  #updateFor(min: number, after: number, tentative: string): LiveUpdate {
    const committed: LiveUpdate['committed'][number][] = [];
    while (this.#samples - this.#word >= Math.max(min, after)) {
      const end = Math.min(this.#word + SECOND, this.#samples);
      if (min > 1 && end + after > this.#samples) break;
      const word = ` ${checkSum(this.#audio.subarray(this.#word - this.#first, end - this.#first))}@${this.#samples}`;
      committed.push({ start: this.#word / SECOND, end: end / SECOND, word, probability: 1 });
      this.#word = end;
      this.#words += 1;
    }
    return { committed, tentative, language: 'en' };
  }
}

function checkSum(samples: Float32Array): string {
  const pcm = new Int16Array(samples.length);
  for (let i = 0; i < pcm.length; i++) pcm[i] = Math.round((samples[i] ?? 0) * 32_768);
  return wordFor(new Uint8Array(pcm.buffer));
}

function stateOf(state: unknown): State {
  if (typeof state === 'object' && state !== null && 'word' in state && 'words' in state) {
    return { word: Number(state.word), words: Number(state.words) };
  }
  throw new SottoError('INVALID_ARGUMENT', 'the checkpoint is none of this model');
}

export interface ModelScript extends SpeechScript {
  /** Called before each step of a file. */
  readonly onStep?: (step: number) => Promise<void> | void;
  readonly steps?: number;
  readonly avgLogprob?: number;
  /** Can't stream. */
  readonly mute?: boolean;
  readonly weightBytes?: number;
  readonly capabilities?: Capabilities;
}

export class ScriptedModel implements Recognizer {
  readonly family = 'scripted';
  readonly capabilities: Capabilities;
  readonly weightBytes: number;
  readonly speeches: ScriptedSpeech[] = [];
  readonly stream?: (options: LiveOptions, from?: LiveCheckpoint) => LiveSpeech;
  disposed = 0;
  /** Samples of the transcribed files. */
  readonly read: number[] = [];

  constructor(
    readonly name: string,
    readonly script: ModelScript = {},
  ) {
    this.weightBytes = script.weightBytes ?? 1_000;
    this.capabilities = script.capabilities ?? RECOGNIZES;
    if (script.mute === true) return;
    this.stream = (_options, from) => {
      const speech = new ScriptedSpeech(script, from);
      this.speeches.push(speech);
      return speech;
    };
  }

  async *transcribe({ samples }: AudioStream, options: TranscribeOptions, signal: AbortSignal) {
    const { steps = 2, onStep, avgLogprob = -0.1 } = this.script;
    let length = 0;
    for await (const chunk of samples) length += chunk.length;
    this.read.push(length);
    const segments: TranscribeResult['segments'] = [];
    for (let step = 0; step < steps; step++) {
      await onStep?.(step);
      if (signal.aborted) throw new SottoError('CANCELLED', 'cancelled');
      if (this.disposed > 0) throw new Error('a file is read by a model that is gone');
      const segment = scriptedSegment(step, avgLogprob);
      segments.push({
        ...segment,
        ...(options.wordTimestamps === true && {
          words: [{ start: step, end: step + 1, word: segment.text, probability: 1 }],
        }),
      });
      yield { type: 'segment' as const, segment };
    }
    const timings = { mel: 0, encode: 0, decode: 0, total: 0 };
    const text = segments.map((segment) => segment.text).join('');
    return { text, language: 'en', durationSeconds: steps, segments, timings } satisfies TranscribeResult;
  }

  dispose(): void {
    for (const speech of this.speeches) {
      if (speech.disposed === 0) throw new Error('the model goes while it is listened to');
    }
    this.disposed += 1;
  }
}

/** Runs all pending microtasks and immediates. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** A promise with its resolve function. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}
