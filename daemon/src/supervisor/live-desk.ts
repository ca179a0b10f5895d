/**
 * The sessions of dictation that the engine process serves: opened as soon as it is ready, told of its end. Knows messages,
 * not processes.
 */
import type { Clock, Timer } from '../clock.js';
import { SottoError } from '../protocol/errors.js';
import type { FromEngine, LiveLook, ToEngine } from '../protocol/ipc.js';
import { BYTES_PER_SAMPLE, SAMPLE_RATE } from '../protocol/live.js';
import type { EngineLive, LiveReport, RunningLive } from './engine.js';
import { defined } from '../protocol/defined.js';

/** A look takes less than a second; an engine that owes one and gives nobody one for so long gives none any more. */
export const LOOK_ALLOWED_MS = 20_000;
/**
 * As long as the engine is known to compute, at a file's step or at a look of a slow machine, it is only late. A session that
 * is given nothing for so long is lost all the same.
 */
export const LOOK_ALLOWED_BUSY_MS = 120_000;
/** A timer that is so late has slept with the machine, and so has the engine. */
const LATE_MS = 5_000;

type Report = (report: LiveReport) => void;
type Heard = Pick<LiveLook, 'heardSamples' | 'intervalSeconds'>;
type OfSession = Extract<FromEngine, { session: number }>;

interface Desk {
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

export interface LiveDeskOptions {
  readonly clock: Clock;
  readonly send: (message: ToEngine) => void;
  /** When the engine was last known to compute, by the clock. */
  readonly progressMs?: () => number | undefined;
  /** An engine that looks no more is to be put down. */
  readonly onStuck: () => void;
}

export class LiveDesk {
  readonly #options: LiveDeskOptions;
  readonly #desks = new Map<number, Desk>();
  #next = 1;
  #ready = false;
  /** Calls off the wait for the next look. */
  #calm: Timer | undefined;

  constructor(options: LiveDeskOptions) {
    this.#options = options;
  }

  get busy(): boolean {
    return this.#desks.size > 0;
  }

  /** Reports come after this has returned. */
  open(request: EngineLive, report: Report): RunningLive {
    const session = this.#next++;
    const { fromSample } = request;
    const desk: Desk = {
      request,
      report,
      sent: false,
      open: false,
      sentSamples: fromSample,
      dueSamples: Infinity,
    };
    this.#desks.set(session, desk);
    queueMicrotask(() => {
      if (!this.#desks.has(session)) return;
      if (this.#ready) this.#send(session, desk);
      else report({ type: 'waiting', for: 'engine' });
    });
    return {
      audio: (pcm) => {
        if (!desk.open) return;
        this.#options.send({ type: 'live-audio', session, pcm });
        desk.sentSamples += pcm.byteLength / BYTES_PER_SAMPLE;
        this.#watch();
      },
      finish: () => {
        if (!desk.open) return;
        this.#options.send({ type: 'live-finish', session });
        desk.dueSamples = 0;
        this.#watch();
      },
      cancel: () => {
        if (!this.#forget(session)) return;
        if (desk.sent) this.#options.send({ type: 'live-cancel', session });
      },
    };
  }

  /** A process is ready to serve. */
  ready(): void {
    this.#ready = true;
    for (const [session, desk] of this.#desks) this.#send(session, desk);
  }

  receive(message: OfSession): void {
    const { session } = message;
    const desk = this.#desks.get(session);
    this.#alive();
    if (desk === undefined) return;
    switch (message.type) {
      case 'live-opened':
        desk.open = true;
        desk.dueSamples = dueAfter(message);
        desk.report({ type: 'opened' });
        return;
      case 'live-voice':
        desk.report({ type: 'voice', speaking: message.speaking });
        return;
      case 'live-look':
        if (desk.dueSamples > 0) desk.dueSamples = dueAfter(message.look);
        this.#watch();
        desk.report({ type: 'look', look: message.look });
        return;
      case 'live-done': {
        this.#forget(session);
        const { look, refined } = message;
        desk.report({ type: 'done', look, ...defined({ refined }) });
        return;
      }
      case 'live-failed':
        this.#forget(session);
        desk.report({ type: 'failed', error: SottoError.fromWire(message.error) });
    }
  }

  /** The process is gone. Those that it had are lost; those that wait for one go on waiting. */
  lost(error: SottoError): void {
    this.#ready = false;
    for (const [session, desk] of [...this.#desks]) {
      if (!desk.sent) continue;
      this.#forget(session);
      desk.report({ type: 'lost', error });
    }
  }

  /** No process comes any more. */
  failAll(error: SottoError): void {
    this.#ready = false;
    for (const [session, desk] of [...this.#desks]) {
      this.#forget(session);
      desk.report({ type: 'failed', error });
    }
  }

  #send(session: number, desk: Desk): void {
    if (desk.sent) return;
    desk.sent = true;
    this.#options.send({ type: 'live-open', session, ...desk.request });
  }

  /** Whoever waits for a look is served in turn: any sign of one is one for all. */
  #alive(): void {
    this.#calm?.cancel();
    this.#calm = undefined;
    this.#watch();
  }

  #watch(): void {
    const owes = [...this.#desks.values()].some((desk) => desk.open && desk.sentSamples >= desk.dueSamples);
    if (owes) this.#calm ??= this.#expectLook();
    else {
      this.#calm?.cancel();
      this.#calm = undefined;
    }
  }

  #expectLook(owedSinceMs = this.#options.clock.nowMs()): Timer {
    const { clock, onStuck, progressMs } = this.#options;
    const dueMs = clock.nowMs() + LOOK_ALLOWED_MS;
    return clock.after(LOOK_ALLOWED_MS, () => {
      const now = clock.nowMs();
      const computes = now - (progressMs?.() ?? -Infinity) < LOOK_ALLOWED_MS;
      if (now - dueMs > LATE_MS) this.#alive();
      else if (computes && now - owedSinceMs < LOOK_ALLOWED_BUSY_MS)
        this.#calm = this.#expectLook(owedSinceMs);
      else onStuck();
    });
  }

  #forget(session: number): boolean {
    const desk = this.#desks.get(session);
    if (desk === undefined) return false;
    desk.open = false;
    this.#desks.delete(session);
    this.#watch();
    return true;
  }
}

/** Samples that are enough for the look behind one. */
function dueAfter({ heardSamples, intervalSeconds }: Heard): number {
  return heardSamples + intervalSeconds * SAMPLE_RATE;
}
