/**
 * The dictation sessions of the engine process: opened once it is ready, failed when it dies. Knows messages, not
 * processes.
 */
import type { Clock, Timer } from '../clock.js';
import { SottoError } from '../protocol/errors.js';
import type { FromEngine, DecodeStep, ToEngine } from '../protocol/ipc.js';
import { BYTES_PER_SAMPLE, SAMPLE_RATE } from '../protocol/live.js';
import type { EngineStreamRequest, EngineStreamReport, EngineStream } from './engine.js';
import { defined } from '../protocol/defined.js';

/** A decode step takes less than a second; the engine is killed if one is due and none arrives for this long. */
export const DECODE_TIMEOUT_MS = 20_000;
/**
 * An engine that is known to compute (a file's step, or a decode on a slow machine) is only late, but is killed
 * after this in any case.
 */
const BUSY_DECODE_TIMEOUT_MS = 120_000;
/** A timer this late means that the machine slept, and the engine with it. */
const SLEEP_DETECTION_MS = 5_000;

type Report = (report: EngineStreamReport) => void;
type Position = Pick<DecodeStep, 'decodedSamples' | 'intervalSeconds'>;
type SessionMessage = Extract<FromEngine, { session: number }>;

interface Stream {
  readonly request: EngineStreamRequest;
  readonly report: Report;
  /** Whether it was sent to the current process. */
  sent: boolean;
  /** Whether the model is in memory and the session accepts audio. */
  open: boolean;
  /** Samples sent, and how many of them make the next decode step due. */
  sentSamples: number;
  dueSamples: number;
}

interface EngineStreamsOptions {
  readonly clock: Clock;
  readonly send: (message: ToEngine) => void;
  /** When the engine last made progress, by the clock. */
  readonly progressMs?: () => number | undefined;
  /** Called when no decode step arrives in time. */
  readonly onStuck: () => void;
}

export class EngineStreams {
  readonly #options: EngineStreamsOptions;
  readonly #streams = new Map<number, Stream>();
  #next = 1;
  #ready = false;
  /** Of the wait for the next decode step. */
  #timer: Timer | undefined;

  constructor(options: EngineStreamsOptions) {
    this.#options = options;
  }

  get isBusy(): boolean {
    return this.#streams.size > 0;
  }

  /** Reports come after this has returned. */
  open(request: EngineStreamRequest, report: Report): EngineStream {
    const session = this.#next++;
    const { fromSample } = request;
    const stream: Stream = {
      request,
      report,
      sent: false,
      open: false,
      sentSamples: fromSample,
      dueSamples: Infinity,
    };
    this.#streams.set(session, stream);
    queueMicrotask(() => {
      if (!this.#streams.has(session)) return;
      if (this.#ready) this.#send(session, stream);
      else report({ type: 'waiting', for: 'engine' });
    });
    return {
      audio: (pcm) => {
        if (!stream.open) return;
        this.#options.send({ type: 'live-audio', session, pcm });
        stream.sentSamples += pcm.byteLength / BYTES_PER_SAMPLE;
        this.#watch();
      },
      finish: () => {
        if (!stream.open) return;
        this.#options.send({ type: 'live-finish', session });
        stream.dueSamples = 0;
        this.#watch();
      },
      cancel: () => {
        if (!this.#forget(session)) return;
        if (stream.sent) this.#options.send({ type: 'live-cancel', session });
      },
    };
  }

  /** Opens the sessions in a process that became ready. */
  ready(): void {
    this.#ready = true;
    for (const [session, stream] of this.#streams) this.#send(session, stream);
  }

  receive(message: SessionMessage): void {
    const { session } = message;
    const stream = this.#streams.get(session);
    this.#restartTimer();
    if (stream === undefined) return;
    switch (message.type) {
      case 'live-opened':
        stream.open = true;
        stream.dueSamples = dueAfter(message);
        stream.report({ type: 'opened' });
        return;
      case 'live-voice':
        stream.report({ type: 'voice', speaking: message.speaking });
        return;
      case 'live-update':
        if (stream.dueSamples > 0) stream.dueSamples = dueAfter(message.step);
        this.#watch();
        stream.report({ type: 'update', step: message.step });
        return;
      case 'live-done': {
        this.#forget(session);
        const { step, refined } = message;
        stream.report({ type: 'done', step, ...defined({ refined }) });
        return;
      }
      case 'live-failed':
        this.#forget(session);
        stream.report({ type: 'failed', error: SottoError.fromWire(message.error) });
    }
  }

  /** The process died: sessions that it had are lost, the others wait for the next one. */
  lost(error: SottoError): void {
    this.#ready = false;
    for (const [session, stream] of [...this.#streams]) {
      if (!stream.sent) continue;
      this.#forget(session);
      stream.report({ type: 'lost', error });
    }
  }

  /** Fails all sessions: no further process will start. */
  failAll(error: SottoError): void {
    this.#ready = false;
    for (const [session, stream] of [...this.#streams]) {
      this.#forget(session);
      stream.report({ type: 'failed', error });
    }
  }

  #send(session: number, stream: Stream): void {
    if (stream.sent) return;
    stream.sent = true;
    this.#options.send({ type: 'live-open', session, ...stream.request });
  }

  /** Decodes run round-robin, so an update for any session proves the engine is alive. */
  #restartTimer(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#watch();
  }

  #watch(): void {
    const isDue = [...this.#streams.values()].some(
      (stream) => stream.open && stream.sentSamples >= stream.dueSamples,
    );
    if (isDue) this.#timer ??= this.#expectDecode();
    else {
      this.#timer?.cancel();
      this.#timer = undefined;
    }
  }

  #expectDecode(dueSinceMs = this.#options.clock.nowMs()): Timer {
    const { clock, onStuck, progressMs } = this.#options;
    const dueMs = clock.nowMs() + DECODE_TIMEOUT_MS;
    return clock.after(DECODE_TIMEOUT_MS, () => {
      const now = clock.nowMs();
      const computes = now - (progressMs?.() ?? -Infinity) < DECODE_TIMEOUT_MS;
      if (now - dueMs > SLEEP_DETECTION_MS) this.#restartTimer();
      else if (computes && now - dueSinceMs < BUSY_DECODE_TIMEOUT_MS)
        this.#timer = this.#expectDecode(dueSinceMs);
      else onStuck();
    });
  }

  #forget(session: number): boolean {
    const stream = this.#streams.get(session);
    if (stream === undefined) return false;
    stream.open = false;
    this.#streams.delete(session);
    this.#watch();
    return true;
  }
}

/** Number of samples at which the next decode step is due. */
function dueAfter({ decodedSamples, intervalSeconds }: Position): number {
  return decodedSamples + intervalSeconds * SAMPLE_RATE;
}
