/** The engine's message loop with injected collaborators, and what it sent. */
import type { OpenedAudio } from '#daemon/engine/files/file-context.js';
import { EngineHost, type EngineDeps } from '#daemon/engine/engine-host.js';
import { systemClock } from '#daemon/clock.js';
import { SottoError } from '#daemon/protocol/errors.js';
import { parseFromEngine, type FromEngine, type ToEngine } from '#daemon/protocol/ipc.js';
import type { Recognizer, TranscribeResult } from '#daemon/models/speech-model.js';
import { scriptedSegment } from '#test/harness/fake-audio.js';
import { ramp, SECOND } from '#test/harness/ramp.js';
import { until } from '#test/harness/wait.js';
import { RECOGNIZES } from '#test/harness/recognizer-capabilities.js';
import { transcribeWork } from '#test/harness/transcribe-work.js';

export const ref = { name: 'm', dir: '/m' };

/** A model that gives a segment per tick until it has given `segments`, or is aborted. */
export class TickingModel implements Recognizer {
  readonly family = 'ticking';
  readonly capabilities = RECOGNIZES;
  readonly weightBytes = 1_000;
  disposed = 0;

  constructor(
    readonly name: string,
    readonly segments: number,
    readonly fault?: Error,
  ) {}

  async *transcribe(audio: OpenedAudio, _options: object, signal: AbortSignal) {
    for (let index = 0; index < this.segments; index++) {
      await new Promise((resolve) => setImmediate(resolve));
      signal.throwIfAborted();
      if (this.fault !== undefined && index === 1) throw this.fault;
      yield { type: 'segment' as const, segment: scriptedSegment(index) };
    }
    const timings = { mel: 0, encode: 0, decode: 0, total: 0 };
    return {
      text: '',
      language: 'en',
      durationSeconds: audio.durationSeconds ?? 0,
      segments: [],
      timings,
    } satisfies TranscribeResult;
  }

  dispose(): void {
    this.disposed += 1;
  }
}

/** A model that reads its audio first, as a real one does. */
export class ReadingModel extends TickingModel {
  override async *transcribe(audio: OpenedAudio, options: object, signal: AbortSignal) {
    for await (const _ of audio.samples) signal.throwIfAborted();
    return yield* super.transcribe(audio, options, signal);
  }
}

/** The need of each model here, and limits within which one of them fits, not two. */
const FOOTPRINT = { weightBytes: 60, workBytes: 40 };
export const ONE_FITS = { type: 'limits', maxBytes: 150 } as const;

type LiveOpen = Extract<ToEngine, { type: 'live-open' }>;

export function setUp(
  make: (dir: string) => Recognizer = () => new TickingModel('m', 3),
  load = (dir: string): Promise<Recognizer> => new Promise((resolve) => resolve(make(dir))),
) {
  const sent: FromEngine[] = [];
  const seen = {
    loads: [] as string[],
    rates: [] as (number | undefined)[],
    closed: 0,
    exits: 0,
    cleared: 0,
    wired: [] as boolean[],
  };
  const deps: EngineDeps = {
    footprint: () => Promise.resolve(FOOTPRINT),
    steps: () => 0,
    clock: systemClock,
    loadModel: (dir) => {
      seen.loads.push(dir);
      return load(dir);
    },
    /** `/stuck`: gives nothing until it is closed. */
    openAudio: (path, sampleRate) => {
      seen.rates.push(sampleRate);
      if (path === '/missing') return Promise.reject(new SottoError('AUDIO_NOT_FOUND', 'no such file'));
      const end = { done: true, value: undefined } as const;
      let close: () => void = () => undefined;
      const closed = new Promise<typeof end>((resolve) => (close = () => resolve(end)));
      const samples: AsyncIterable<Float32Array> = {
        [Symbol.asyncIterator]: () => ({ next: () => (path === '/stuck' ? closed : Promise.resolve(end)) }),
      };
      return Promise.resolve({
        durationSeconds: 7,
        samples,
        close: () => {
          seen.closed += 1;
          close();
          return Promise.resolve();
        },
      });
    },
    fingerprintOf: (path) => path,
    figures: () => ({ rssBytes: 1 }),
    wireMemory: (isOpen) => void seen.wired.push(isOpen),
    clearCache: () => void (seen.cleared += 1),
    send: (message) => sent.push(parseFromEngine(structuredClone(message))),
    exit: () => void (seen.exits += 1),
  };
  const host = new EngineHost(deps);
  const run = (job: number, path = '/a', model = ref): void =>
    host.receive({ type: 'run', job, path, model, work: transcribeWork() });
  const endOf = async (job: number): Promise<FromEngine> => {
    const last = (): FromEngine | undefined =>
      sent.find(
        (m) => ['done', 'encoded', 'failed', 'cancelled'].includes(m.type) && 'job' in m && m.job === job,
      );
    await until(() => last() !== undefined);
    return last() ?? { type: 'cancelled', job };
  };
  const open = (session: number, extra: Partial<LiveOpen> = {}): void =>
    host.receive({ type: 'live-open', session, model: ref, options: {}, fromSample: 0, ...extra });
  const speak = (session: number, seconds: number): void =>
    host.receive({ type: 'live-audio', session, pcm: new Uint8Array(ramp(0, seconds * SECOND).buffer) });
  /** The messages about a session, in order. */
  const of = (session: number): string[] =>
    sent.flatMap((m) => ('session' in m && m.session === session ? [m.type] : []));
  return { host, deps, run, endOf, open, speak, of, sent, seen };
}
