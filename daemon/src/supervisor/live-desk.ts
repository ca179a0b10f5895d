/**
 * The sessions of dictation that the engine process serves: opened as soon as it is ready, told of its end. Knows messages,
 * not processes.
 */
import type { Clock } from '../clock.js';
import { SottoError } from '../protocol/errors.js';
import type { FromEngine, ToEngine } from '../protocol/ipc.js';
import type { EngineLive, LiveReport, RunningLive } from './engine.js';

/** A look takes less than a second; an engine that gives none for so long, with audio there, gives none any more. */
export const LOOK_ALLOWED_MS = 20_000;

type Report = (report: LiveReport) => void;
type OfSession = Extract<FromEngine, { session: number }>;

interface Desk {
  readonly request: EngineLive;
  readonly report: Report;
  /** Whether the present process has heard of it. */
  sent: boolean;
  /** Whether the model is in memory and it listens. */
  open: boolean;
  /** Calls off the wait for the next look. */
  calm?: () => void;
}

export interface LiveDeskOptions {
  readonly clock: Clock;
  readonly send: (message: ToEngine) => void;
  /** An engine that looks no more is to be put down. */
  readonly onStuck: () => void;
}

export class LiveDesk {
  readonly #options: LiveDeskOptions;
  readonly #desks = new Map<number, Desk>();
  #next = 1;
  #ready = false;

  constructor(options: LiveDeskOptions) {
    this.#options = options;
  }

  get busy(): boolean {
    return this.#desks.size > 0;
  }

  /** Reports come after this has returned. */
  open(request: EngineLive, report: Report): RunningLive {
    const session = this.#next++;
    const desk: Desk = { request, report, sent: false, open: false };
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
        this.#expectLook(desk);
      },
      finish: () => {
        if (!desk.open) return;
        this.#options.send({ type: 'live-finish', session });
        this.#expectLook(desk);
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
    if (desk === undefined) return;
    switch (message.type) {
      case 'live-opened':
        desk.open = true;
        desk.report({ type: 'opened' });
        return;
      case 'live-voice':
        desk.report({ type: 'voice', speaking: message.speaking });
        return;
      case 'live-look':
        desk.calm?.();
        delete desk.calm;
        desk.report({ type: 'look', look: message.look });
        return;
      case 'live-done': {
        this.#forget(session);
        const { look, refined } = message;
        desk.report({ type: 'done', look, ...(refined !== undefined && { refined }) });
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
    desk.sent = true;
    this.#options.send({ type: 'live-open', session, ...desk.request });
  }

  #expectLook(desk: Desk): void {
    desk.calm ??= this.#options.clock.after(LOOK_ALLOWED_MS, this.#options.onStuck);
  }

  #forget(session: number): boolean {
    this.#desks.get(session)?.calm?.();
    return this.#desks.delete(session);
  }
}
