/** All dictation sessions of an engine: opened once their model is in memory, and released when they are over. */
import { asRecognizer } from '#daemon/models/speech-model.js';
import { SottoError } from '#daemon/protocol/errors.js';
import type { FromEngine, ToEngine } from '#daemon/protocol/ipc.js';
import { SAMPLE_RATE, VAD_CHUNK_SAMPLES } from '#daemon/protocol/live.js';
import { engineError } from '../engine-errors.js';
import { withFittingHotwords } from '../fitting-hotwords.js';
import { ComputeScheduler } from '../compute-scheduler.js';
import type { ModelLease } from '../loaded-model.js';
import type { ModelCache } from '../model-cache.js';
import { parseLiveRunState } from './live-run-state.js';
import { LiveRun } from './live-run.js';
import { refine } from './refine.js';
import { LiveAudioBuffer } from './live-audio-buffer.js';

type Open = Extract<ToEngine, { type: 'live-open' }>;

interface LiveRunsDeps {
  readonly models: ModelCache;
  readonly scheduler: ComputeScheduler;
  readonly send: (message: FromEngine) => void;
  /** Called when the first session opens, and when the last one is over. */
  readonly onBusy: (busy: boolean) => void;
}

export class LiveRuns {
  readonly #deps: LiveRunsDeps;
  /** Sessions that wait for their model, with the controller that cancels the wait. */
  readonly #waiting = new Map<number, AbortController>();
  readonly #runs = new Map<number, LiveRun>();
  #idleWaiters: (() => void)[] = [];

  constructor(deps: LiveRunsDeps) {
    this.#deps = deps;
  }

  async open(message: Open): Promise<void> {
    const { onBusy, send } = this.#deps;
    const { session } = message;
    const cancelled = new AbortController();
    if (!this.#busy) onBusy(true);
    this.#waiting.set(session, cancelled);
    try {
      const run = await (message.voiceOnly === true
        ? this.#openVadOnly(message)
        : this.#openDecoding(message, cancelled.signal));
      if (cancelled.signal.aborted) return;
      this.#waiting.delete(session);
      this.#runs.set(session, run);
      send({ type: 'live-opened', session, ...run.place });
    } catch (thrown) {
      if (cancelled.signal.aborted) return;
      send({ type: 'live-failed', session, error: engineError(thrown).toWire() });
      this.#remove(session);
    }
  }

  audio(session: number, pcm: Uint8Array): void {
    this.#runs.get(session)?.audio(pcm);
  }

  finish(session: number): void {
    this.#runs.get(session)?.finish();
  }

  cancel(session: number): void {
    this.#runs.get(session)?.cancel();
    const waiting = this.#waiting.get(session);
    if (waiting === undefined) return;
    waiting.abort();
    this.#remove(session);
  }

  /** Cancels all sessions. Resolves once none of them computes. */
  async close(): Promise<void> {
    for (const session of [...this.#runs.keys(), ...this.#waiting.keys()]) this.cancel(session);
    if (this.#busy) await new Promise<void>((resolve) => this.#idleWaiters.push(resolve));
  }

  get #busy(): boolean {
    return this.#runs.size + this.#waiting.size > 0;
  }

  async #openDecoding(message: Open, signal: AbortSignal): Promise<LiveRun> {
    const { models } = this.#deps;
    const { alongside, model } = message;
    const held = await (alongside === undefined
      ? models.hold(model, signal)
      : models.holdWith(model, alongside, signal));
    try {
      signal.throwIfAborted();
      return this.#begin(message, held);
    } catch (thrown) {
      held.release();
      throw thrown;
    }
  }

  /** Bypasses the scheduler: voice detection takes a millisecond, and its result is needed at once. */
  async #openVadOnly({ session, fromSample, checkpoint }: Open): Promise<LiveRun> {
    // Imports the addon, which an engine without models does without.
    const { VadOnlySession } = await import('./vad-only-session.js');
    const own = checkpoint && { ...checkpoint, state: parseLiveRunState(checkpoint).speech };
    return new LiveRun({
      session,
      checkpoint,
      speech: await VadOnlySession.begin(own),
      buffer: new LiveAudioBuffer(fromSample, false),
      scheduler: new ComputeScheduler(),
      intervals: [VAD_CHUNK_SAMPLES / SAMPLE_RATE],
      send: this.#deps.send,
      onOver: () => this.#remove(session),
    });
  }

  #begin({ session, options: wanted, fromSample, checkpoint }: Open, held: ModelLease): LiveRun {
    const { release } = held;
    const model = asRecognizer(held.model);
    const options = withFittingHotwords(wanted, model);
    const { scheduler, send } = this.#deps;
    if (model.stream === undefined) {
      throw new SottoError('MODEL_UNSUPPORTED', `${model.name} can't transcribe live speech`, {
        hint: 'choose another model: `sotto models list` shows which stream',
      });
    }
    if (fromSample > (checkpoint?.fromSample ?? 0)) {
      throw new SottoError('INVALID_ARGUMENT', 'audio before the start of the session is missing');
    }
    const own = checkpoint && { ...checkpoint, state: parseLiveRunState(checkpoint).speech };
    const speech = model.stream(options, own);
    const keepsAll = options.refine === true;
    const buffer = new LiveAudioBuffer(fromSample, keepsAll);
    return new LiveRun({
      session,
      checkpoint,
      speech,
      buffer,
      scheduler,
      send,
      ...(keepsAll && { refine: (signal) => refine({ model, options, speech, buffer, scheduler }, signal) }),
      onOver: () => {
        release();
        this.#remove(session);
      },
    });
  }

  #remove(session: number): void {
    this.#waiting.delete(session);
    this.#runs.delete(session);
    if (this.#busy) return;
    this.#deps.onBusy(false);
    for (const resolve of this.#idleWaiters.splice(0)) resolve();
  }
}
