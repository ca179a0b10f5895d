/** The dictation engine without a process: `fake-live.ts` in this process, which a test can end. */
import type { FromEngine } from '#daemon/protocol/ipc.js';
import { SottoError, type ErrorCode } from '#daemon/protocol/errors.js';
import type {
  Engine,
  EngineStreamRequest,
  EngineStreamReport,
  EngineStream,
} from '#daemon/supervisor/engine.js';
import { FakeLive } from './fake-live.js';

type Report = (report: EngineStreamReport) => void;

export class InProcessLive implements Engine {
  readonly requests: EngineStreamRequest[] = [];
  /** What the models detect. */
  language = 'en';
  readonly #reports = new Set<Report>();
  #up = true;
  #starters: (() => void)[] = [];
  #nextError: SottoError | undefined;
  #isNextHeld = false;
  #held: (() => void)[] = [];

  run(): never {
    throw new Error('no files here');
  }

  status() {
    return { state: 'ready' as const, restarts: 0, model: { state: 'absent' as const } };
  }

  openStream(request: EngineStreamRequest, report: Report): EngineStream {
    this.requests.push(request);
    let fake: FakeLive | undefined;
    let over = false;
    const notify: Report = (event) => {
      if (over) return;
      if (['done', 'failed', 'lost'].includes(event.type)) {
        over = true;
        this.#reports.delete(notify);
      }
      report(event);
    };
    this.#reports.add(notify);
    const failure = this.#nextError;
    const isHeld = this.#isNextHeld;
    this.#nextError = undefined;
    this.#isNextHeld = false;
    const open = (): void => {
      if (over) return;
      if (failure !== undefined) {
        notify({ type: 'failed', error: failure });
        return;
      }
      fake = new FakeLive(
        { type: 'live-open', session: 1, ...request },
        (message) => notify(reportOf(message)),
        this.language,
      );
      notify({ type: 'opened' });
    };
    queueMicrotask(() => {
      if (isHeld) this.#held.push(open);
      else if (this.#up) open();
      else {
        notify({ type: 'waiting', for: 'engine' });
        this.#starters.push(open);
      }
    });
    return {
      audio: (pcm) => {
        if (!over) fake?.audio(pcm);
      },
      finish: () => {
        if (!over) fake?.finish();
      },
      cancel: () => {
        over = true;
        this.#reports.delete(notify);
      },
    };
  }

  /** Number of sessions. */
  get size(): number {
    return this.#reports.size;
  }

  /** Simulates a crash; the next process comes with `start`, or at once. */
  die({ restarts = true } = {}): void {
    this.#up = restarts;
    for (const notify of [...this.#reports]) {
      notify({ type: 'lost', error: new SottoError('ENGINE_CRASHED', 'the speech engine died') });
    }
  }

  start(): void {
    this.#up = true;
    for (const open of this.#starters.splice(0)) open();
  }

  /** The next stream fails instead of opening, as with a damaged model. */
  failNext(code: ErrorCode): void {
    this.#nextError = new SottoError(code, 'not opened');
  }

  /** The next stream opens with `release`, as if its model took long to load. */
  holdNext(): void {
    this.#isNextHeld = true;
  }

  release(): void {
    for (const open of this.#held.splice(0)) open();
  }

  fail(error: SottoError): void {
    for (const notify of [...this.#reports]) notify({ type: 'failed', error });
  }
}

function reportOf(message: FromEngine): EngineStreamReport {
  switch (message.type) {
    case 'live-update':
      return { type: 'update', step: message.step };
    case 'live-done':
      return { type: 'done', step: message.step };
    case 'live-failed':
      return { type: 'failed', error: SottoError.fromWire(message.error) };
    default:
      throw new Error(`${message.type} is no report`);
  }
}
