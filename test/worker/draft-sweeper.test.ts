/** A killed worker's drafts are removed by the worker that gets its job. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { draftName } from '#daemon/writers/placement/place-text.js';
import { runJob, type JobDeps } from '#daemon/worker/run-job.js';
import { DraftSweeper } from '#daemon/worker/draft-sweeper.js';
import type { QueueJob } from '#daemon/worker/queue-job.js';
import { Roots } from '#daemon/worker/roots.js';

let folder: string;
beforeEach(() => void (folder = realpathSync(mkdtempSync(join(tmpdir(), 'wl-')))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A draft of an exited process. */
function leaveDraft(): void {
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  writeFileSync(join(folder, draftName(pid)), 'segm');
}

const drafts = (): string[] => readdirSync(folder).filter((name) => name.endsWith('.part'));

test('sweeps a folder at its first use, not for every file', async () => {
  const draftSweeper = new DraftSweeper();
  leaveDraft();
  await draftSweeper.sweep(folder, { afterDeath: false });
  expect(drafts()).toEqual([]);
  leaveDraft();
  await draftSweeper.sweep(folder, { afterDeath: false });
  expect(drafts()).toHaveLength(1);
});

describe('a job whose worker died', () => {
  const job = (path: string): QueueJob => ({
    version: 2,
    name: 'talk.mp3',
    source: { kind: 'path', path: join(folder, 'talk.mp3') },
    target: { kind: 'file', path },
    format: 'text',
    writer: {},
    options: {},
  });
  const unused = (): never => {
    throw new Error('its text is there');
  };
  const deps = async (draftSweeper: DraftSweeper): Promise<JobDeps> => ({
    worker: 'w',
    roots: await Roots.open([folder]),
    limits: { maxBytes: 1, maxSeconds: 1, allowPrivate: false },
    transcriber: unused,
    draftSweeper,
    texts: { has: unused, put: unused },
  });

  test.each([
    [true, 0],
    [false, 1],
  ])('reassigned: %s; remaining drafts: %i', async (wasLost, left) => {
    const draftSweeper = new DraftSweeper();
    await draftSweeper.sweep(folder, { afterDeath: false });
    // Killed between placing the text and removing the draft.
    const text = join(folder, 'talk.txt');
    writeFileSync(text, 'all of it');
    leaveDraft();
    const handed = { id: '1', job: job(text), wasLost };
    const result = await runJob(
      handed,
      await deps(draftSweeper),
      new AbortController().signal,
      () => undefined,
    );
    expect(result).toEqual({ outcome: 'there', worker: 'w' });
    expect(drafts()).toHaveLength(left);
  });
});
