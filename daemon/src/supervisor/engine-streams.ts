/**
 * The sessions of dictation that the engine process serves: opened as soon as it is ready, told of its end. Knows messages,
 * not processes.
 */
import type { Clock, Timer } from '../clock.js';
import { SottoError } from '../protocol/errors.js';
import type { FromEngine, DecodeStep, ToEngine } from '../protocol/ipc.js';
import { BYTES_PER_SAMPLE, SAMPLE_RATE } from '../protocol/live.js';
import type { EngineLive, LiveReport, RunningLive } from './engine.js';
import { defined } from '../protocol/defined.js';

/** A look takes less than a second; an engine that owes one and gives nobody one for so long gives none any more. */
export const DECODE_TIMEOUT_MS = 20_000;
/**
 * As long as the engine is known to compute, at a file's step or at a look of a slow machine, it is only late. A session that
 * is given nothing for so long is lost all the same.
 */
const BUSY_DECODE_TIMEOUT_MS = 120_000;
/** A timer that is so late has slept with the machine, and so has the engine. */
const SLEEP_DETECTION_MS = 5_000;

type Report = (report: LiveReport) => void;
type Position = Pick<DecodeStep, 'decodedSamples' | 'intervalSeconds'>;
type SessionMessage = Extract<FromEngine, { session: number }>;

interface Stream {
  readonly request: EngineLive;
  readonly report: Report;
  /** Whether the present process has heard of it. */
  sent: boolean;
  /** Whether the model is in memory and it listens. */
  open: boolean;
  /** What it was given, and what of that is enough for its next look. */
  sentSamples: number;
  dueSamples: number;
}

interface EngineStreamsOptions {
  readonly clock: Clock;
  readonly send: (message: ToEngine) => void;
  /** When the engine was last known to compute, by the clock. */
  readonly progressMs?: () => number | undefined;
  /** An engine that looks no more is to be put down. */
  readonly onStuck: () => void;
}

export class EngineStreams {
  readonly #options: EngineStreamsOptions;
  readonly #streams = new Map<number, Stream>();
  #next = 1;
  #ready = false;
  /** Calls off the wait for the next look. */
  #timer: Timer | undefined;

  constructor(options: EngineStreamsOptions) {
    this.#options = options;
  }

  get busy(): boolean {
    return this.#streams.size > 0;
  }

  /** Reports come after this has returned. */
  open(request: EngineLive, report: Report): RunningLive {
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

  /** A process is ready to serve. */
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

  /** The process is gone. Those that it had are lost; those that wait for one go on waiting. */
  lost(error: SottoError): void {
    this.#ready = false;
    for (const [session, stream] of [...this.#streams]) {
      if (!stream.sent) continue;
      this.#forget(session);
      stream.report({ type: 'lost', error });
    }
  }

  /** No process comes any more. */
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

  /** Whoever waits for a look is served in turn: any sign of one is one for all. */
  #restartTimer(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#watch();
  }

  #watch(): void {
    const owes = [...this.#streams.values()].some(
      (stream) => stream.open && stream.sentSamples >= stream.dueSamples,
    );
    if (owes) this.#timer ??= this.#expectDecode();
    else {
      this.#timer?.cancel();
      this.#timer = undefined;
    }
  }

  #expectDecode(owedSinceMs = this.#options.clock.nowMs()): Timer {
    const { clock, onStuck, progressMs } = this.#options;
    const dueMs = clock.nowMs() + DECODE_TIMEOUT_MS;
    return clock.after(DECODE_TIMEOUT_MS, () => {
      const now = clock.nowMs();
      const computes = now - (progressMs?.() ?? -Infinity) < DECODE_TIMEOUT_MS;
      if (now - dueMs > SLEEP_DETECTION_MS) this.#restartTimer();
      else if (computes && now - owedSinceMs < BUSY_DECODE_TIMEOUT_MS)
        this.#timer = this.#expectDecode(owedSinceMs);
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

/** Samples that are enough for the look behind one. */
function dueAfter({ decodedSamples, intervalSeconds }: Position): number {
  return decodedSamples + intervalSeconds * SAMPLE_RATE;
}
