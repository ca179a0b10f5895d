/**
 * One dictation session in the engine: collects audio, decodes it at fixed sample positions, and sends the results.
 * The positions don't depend on the clock, so an engine that continues from a checkpoint gives the same text.
 */
import type { LiveSpeech, LiveUpdate } from '#daemon/models/streaming/live-speech.js';
import type { FromEngine, DecodeStep, Refined } from '#daemon/protocol/ipc.js';
import { SAMPLE_RATE, type SessionCheckpoint } from '#daemon/protocol/live.js';
import { engineError } from '../engine-errors.js';
import type { ComputeScheduler } from '../compute-scheduler.js';
import { parseLiveRunState, type LiveRunState } from './live-run-state.js';
import { DecodeInterval } from './decode-interval.js';
import type { LiveAudioBuffer } from './live-audio-buffer.js';
import { defined } from '#daemon/protocol/defined.js';

interface LiveRunDeps {
  readonly session: number;
  /** Position of another engine; the model's part of it is in `speech` already. */
  readonly checkpoint: SessionCheckpoint | undefined;
  readonly speech: LiveSpeech;
  readonly buffer: LiveAudioBuffer;
  readonly scheduler: ComputeScheduler;
  /** Decodes the whole session again; undefined if the committed text is better. */
  readonly refine?: (signal: AbortSignal) => Promise<Refined | undefined>;
  /** Possible decode intervals in seconds; those of `DecodeInterval` if omitted. */
  readonly intervals?: readonly [number, ...number[]];
  readonly send: (message: FromEngine) => void;
  /** Called once, after the last message or a cancel. */
  readonly onOver: () => void;
}

export class LiveRun {
  readonly #deps: LiveRunDeps;
  readonly #decodeInterval: DecodeInterval;
  readonly #cancelled = new AbortController();
  /** Samples of the session that the model has. */
  #fed: number;
  /** Samples of the session at the last decode step. */
  #decoded: number;
  #finishing = false;
  #busy = false;
  #speaking = false;

  constructor(deps: LiveRunDeps) {
    this.#deps = deps;
    const { checkpoint, intervals } = deps;
    const state: LiveRunState | undefined = checkpoint && parseLiveRunState(checkpoint);
    this.#decodeInterval = new DecodeInterval(state?.intervalSeconds, intervals);
    this.#fed = checkpoint?.fromSample ?? 0;
    this.#decoded = state?.decodedSamples ?? 0;
  }

  /** Samples decoded so far, and the interval until the next step. */
  get place(): { decodedSamples: number; intervalSeconds: number } {
    return { decodedSamples: this.#decoded, intervalSeconds: this.#decodeInterval.intervalSeconds };
  }

  /** Appends s16le samples. */
  audio(pcm: Uint8Array): void {
    if (this.#finishing) return;
    this.#deps.buffer.push(pcm);
    this.#schedule();
  }

  /** No more audio follows. */
  finish(): void {
    this.#finishing = true;
    this.#schedule();
  }

  cancel(): void {
    if (this.#cancelled.signal.aborted) return;
    this.#cancelled.abort();
    if (!this.#busy) this.#end();
  }

  #schedule(): void {
    if (this.#busy || this.#cancelled.signal.aborted) return;
    this.#busy = true;
    void this.#work();
  }

  async #work(): Promise<void> {
    const { send, session } = this.#deps;
    const { signal } = this.#cancelled;
    try {
      while (!signal.aborted && this.#isDecodeDue()) {
        const step = await this.#step();
        // A cancelled session sends nothing.
        if (signal.aborted) break;
        this.#reportVoice();
        send({ type: 'live-update', session, step });
      }
      if (!signal.aborted && this.#finishing) {
        await this.#finish();
        this.#cancelled.abort();
      }
    } catch (thrown) {
      if (!signal.aborted) send({ type: 'live-failed', session, error: engineError(thrown).toWire() });
      this.#cancelled.abort();
    }
    this.#busy = false;
    if (signal.aborted) this.#end();
    else if (this.#finishing || this.#isDecodeDue()) this.#schedule();
  }

  get #nextDecodeSample(): number {
    const interval = this.#decodeInterval.intervalSeconds * SAMPLE_RATE;
    return this.#decoded + interval;
  }

  #isDecodeDue(): boolean {
    return this.#deps.buffer.samples >= this.#nextDecodeSample;
  }

  /** Gives the model its missing samples up to a position. */
  #feed(to: number): void {
    const { speech, buffer } = this.#deps;
    if (to <= this.#fed) return;
    speech.push(buffer.read(this.#fed, to));
    this.#fed = to;
    buffer.forget(this.#fed);
  }

  async #step(): Promise<DecodeStep> {
    const { speech, scheduler } = this.#deps;
    const dueMs = performance.now();
    const to = this.#nextDecodeSample;
    const update = await scheduler.runRealtime(() => {
      this.#cancelled.signal.throwIfAborted();
      this.#feed(to);
      return speech.update(this.#cancelled.signal);
    });
    this.#decoded = to;
    this.#decodeInterval.decoded((performance.now() - dueMs) / 1000);
    return this.#toDecodeStep(update);
  }

  async #finish(): Promise<void> {
    const { refine, send, session, speech, buffer, scheduler } = this.#deps;
    const { signal } = this.#cancelled;
    const update = await scheduler.runRealtime(() => {
      signal.throwIfAborted();
      this.#feed(buffer.samples);
      return speech.finish(signal);
    });
    this.#decoded = this.#fed;
    const step = this.#toDecodeStep(update);
    const refined = refine && (await refine(signal));
    if (signal.aborted) return;
    send({ type: 'live-done', session, step, ...defined({ refined }) });
  }

  #toDecodeStep({ committed, tentative, language, evidence, voice }: LiveUpdate): DecodeStep {
    const { fromSample, state } = this.#deps.speech.checkpoint();
    const { place } = this;
    const own: LiveRunState = { ...place, speech: state };
    return {
      committed: [...committed],
      tentative,
      ...defined({ language, evidence, voice: voice === undefined ? undefined : [...voice] }),
      ...place,
      checkpoint: { fromSample, state: own },
    };
  }

  #reportVoice(): void {
    const { send, session, speech } = this.#deps;
    if (speech.speaking === this.#speaking) return;
    this.#speaking = speech.speaking;
    send({ type: 'live-voice', session, speaking: this.#speaking });
  }

  #end(): void {
    this.#deps.speech.dispose();
    this.#deps.onOver();
  }
}
