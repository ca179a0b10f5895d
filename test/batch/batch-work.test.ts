import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { BatchProgress } from '#daemon/batch/batch-progress.js';
import type { BatchView } from '#daemon/batch/batch-view.js';
import { BatchRunner } from '#daemon/batch/batch-runner.js';
import { Outputs } from '#daemon/writers/placement/outputs.js';
import type { Transcriber } from '#daemon/batch/transcriber.js';
import { SottoError } from '#daemon/protocol/errors.js';
import type { BatchRun } from '#daemon/store/batch/batch-run.js';
import { BatchStore } from '#daemon/store/batch/batch-store.js';

let folder: string;
let store: BatchStore;
let run: BatchRun;
const failed: string[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'so-work-'));
  store = BatchStore.open(join(folder, 'batch.db'));
  run = store.resumeOrStart({ identity: 'a', restart: true }).run;
  failed.length = 0;
});
afterEach(() => {
  store.close();
  rmSync(folder, { recursive: true, force: true });
});

const silent: BatchView = {
  scanning: () => undefined,
  waiting: () => undefined,
  event: () => undefined,
  done: () => undefined,
  failed: ({ path }) => void failed.push(path),
  left: () => undefined,
  note: () => undefined,
  close: () => undefined,
};

const silentTranscriber: Transcriber = {
  async *transcribe() {
    await Promise.resolve();
    const timings = { load: 0, mel: 0, encode: 0, decode: 0, total: 1 };
    const summary = { language: 'en', durationSeconds: 1, timings, model: 'fake', segments: 0 };
    yield { type: 'final', summary };
  },
  close: () => Promise.resolve(),
};

function work(transcriber = silentTranscriber, jobs = 1): BatchRunner {
  const { signal } = new AbortController();
  const job = { options: {}, format: 'text', jobs } as const;
  const outputs = new Outputs(store.written, false);
  return new BatchRunner({
    run,
    outputs,
    transcriber,
    view: silent,
    progress: new BatchProgress(),
    signal,
    job,
  });
}

function add(...names: string[]): void {
  run.add(
    names.map((name) => {
      const path = join(folder, name);
      return { path, target: `${path}.txt`, bytes: 1, modifiedMs: 1 };
    }),
  );
}

test.each(['placing', 'done'] as const)(
  'an outcome that can’t be recorded (%s) stops the run and does not fail the file',
  async (step) => {
    add('a', 'b');
    run[step] = () => {
      throw new SottoError('OUTPUT_FAILED', 'batch.db: database is locked');
    };
    await expect(work().untilNothingWaits()).rejects.toThrow('batch.db: database is locked');
    expect([failed, run.files('failed')]).toEqual([[], []]);
    expect(existsSync(join(folder, 'b.txt'))).toBe(false);
  },
);

test('requeues active files if the next one can’t be read', async () => {
  add('a', 'b');
  const next = run.next.bind(run);
  let reads = 0;
  run.next = () => {
    if (reads++ === 0) return next();
    throw new SottoError('OUTPUT_FAILED', 'batch.db: database is locked');
  };
  const endless: Transcriber = {
    ...silentTranscriber,
    // eslint-disable-next-line require-yield
    async *transcribe(_path, _options, { signal }) {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      throw new SottoError('CANCELLED', 'cancelled');
    },
  };
  await expect(work(endless, 2).untilNothingWaits()).rejects.toThrow('batch.db: database is locked');
  expect(run.counts()).toMatchObject({ waiting: 2, working: 0 });
});

test('a text that can’t be written fails only its file', async () => {
  add('a', 'b');
  run.add([{ path: '/c', target: join(folder, 'batch.db', 'c.txt'), bytes: 1, modifiedMs: 1 }]);
  await work().untilNothingWaits();
  expect([failed, run.counts()]).toMatchObject([['/c'], { done: 2, failed: 1 }]);
});
