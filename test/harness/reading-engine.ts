/** An engine that returns the content of a file as its text, to show which file was read. */
import { readFileSync } from 'node:fs';
import { codedError } from '#daemon/protocol/file-errors.js';
import type { Engine, EngineJob, JobReport, RunningJob } from '#daemon/supervisor/engine.js';
import { scriptedSegment } from './fake-audio.js';

const TIMINGS = { load: 0, mel: 0, encode: 0, decode: 0, total: 0 };

export class ReadingEngine implements Engine {
  /** The requested paths, in order. */
  readonly paths: string[] = [];
  #open: () => void = () => undefined;
  #gate: Promise<void> = Promise.resolve();

  /** Holds all jobs until the returned function is called. */
  hold(): () => void {
    this.#gate = new Promise((resolve) => (this.#open = resolve));
    return this.#open;
  }

  run({ path }: EngineJob, report: (report: JobReport) => void): RunningJob {
    this.paths.push(path);
    let cancelled = false;
    void this.#gate.then(() => {
      if (!cancelled) read(path, report);
    });
    return {
      cancel: () => {
        cancelled = true;
        report({ type: 'cancelled' });
      },
    };
  }

  openStream(): never {
    throw new Error('no dictation here');
  }

  status() {
    return { state: 'ready' as const, restarts: 0, model: { state: 'absent' as const } };
  }
}

function read(path: string, report: (report: JobReport) => void): void {
  try {
    const text = readFileSync(path, 'utf8');
    report({ type: 'opened' });
    report({ type: 'event', event: { type: 'segment', segment: { ...scriptedSegment(0), text } } });
    report({ type: 'done', summary: { language: 'en', durationSeconds: 1, timings: TIMINGS } });
  } catch (error) {
    report({ type: 'failed', error: codedError(error) });
  }
}
