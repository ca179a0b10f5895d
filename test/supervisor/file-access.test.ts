import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { systemClock } from '#daemon/clock.js';
import {
  openInProcess,
  ProcessFileAccess,
  OPEN_TIMEOUT_MS,
  type FileAnswer,
  type TryOpen,
} from '#daemon/supervisor/file-access.js';
import { VirtualClock } from '#test/harness/virtual-clock.js';

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const refuse =
  (code: string): TryOpen =>
  () =>
    Promise.reject(Object.assign(new Error(code), { code }));

/** Opens nothing until it is told to, or its check ends. */
class Hanging {
  readonly started: string[] = [];
  readonly #resolve = new Map<string, () => void>();
  readonly open: TryOpen = (path, signal) => {
    this.started.push(path);
    return new Promise((resolve) => {
      this.#resolve.set(path, resolve);
      signal.addEventListener('abort', () => resolve());
    });
  };
  release(path: string): void {
    this.#resolve.get(path)?.();
  }
}

function setUp(tryOpen: TryOpen) {
  const clock = new VirtualClock();
  const access = new ProcessFileAccess({ clock, uploads: '/none', tryOpen });
  const answers: string[] = [];
  const check = (path: string) =>
    access.check(path, (answer: FileAnswer) => void answers.push(`${path} ${answer}`));
  return { clock, answers, check };
}

describe('ProcessFileAccess', () => {
  test('reports a file as open or denied; other errors are left to the engine', async () => {
    for (const [tryOpen, answer] of [
      [() => Promise.resolve(), 'open'],
      [refuse('EPERM'), 'denied'],
      [refuse('EACCES'), 'denied'],
      [refuse('ENOENT'), 'open'],
    ] as const) {
      const { answers, check } = setUp(tryOpen);
      check('/a');
      expect(answers).toEqual([]);
      await settle();
      expect(answers).toEqual([`/a ${answer}`]);
    }
  });

  test('reports after 2 s that a file is slow, and later that it has opened', async () => {
    const hanging = new Hanging();
    const { clock, answers, check } = setUp(hanging.open);
    check('/a');
    await settle();
    clock.advance(OPEN_TIMEOUT_MS - 1);
    expect(answers).toEqual([]);
    clock.advance(1);
    expect(answers).toEqual(['/a slow']);
    hanging.release('/a');
    await settle();
    expect(answers).toEqual(['/a slow', '/a open']);
    clock.advance(60_000);
    expect(answers).toHaveLength(2);
  });

  test('checks eight files at once; one that hangs frees its slot when its check ends', async () => {
    const hanging = new Hanging();
    const { clock, answers, check } = setUp(hanging.open);
    const ends = Array.from({ length: 10 }, (_, n) => check(`/${n}`));
    await settle();
    expect(hanging.started).toHaveLength(8);
    clock.advance(OPEN_TIMEOUT_MS);
    // Checks that wait for a slot are slow, too: the client can help them meanwhile.
    expect(answers).toHaveLength(10);
    ends[3]?.();
    await settle();
    expect(hanging.started).toEqual([...Array(8).keys(), 8].map((n) => `/${n}`));
    ends[9]?.();
    hanging.release('/0');
    await settle();
    expect(answers.slice(10)).toEqual(['/0 open']);
    expect(hanging.started).not.toContain('/9');
  });

  test('reports nothing once its check has ended', async () => {
    const hanging = new Hanging();
    const { clock, answers, check } = setUp(hanging.open);
    const end = check('/a');
    await settle();
    end();
    hanging.release('/a');
    clock.advance(OPEN_TIMEOUT_MS);
    await settle();
    expect(answers).toEqual([]);
  });
});

describe('the process that opens', () => {
  let folder = '';
  beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'so-'))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const never = new AbortController().signal;

  test('opens a file, whatever its name and its bytes are', async () => {
    for (const name of ['a.wav', '-c', 'it\'s $(touch made) "x".wav', ': Permission denied']) {
      writeFileSync(join(folder, name), Buffer.from([0, 255, 10, 13]));
      await openInProcess(join(folder, name), never);
    }
    expect(readdirSync(folder)).not.toContain('made');
  });

  test('leaves a pipe, a directory and a missing file to the engine', async () => {
    const answers: FileAnswer[] = [];
    const access = new ProcessFileAccess({ clock: systemClock, uploads: folder });
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    mkdirSync(join(folder, 'sub'));
    for (const name of ['pipe', 'sub', 'none'])
      answers.push(
        await new Promise<FileAnswer>((resolve) => void access.check(join(folder, name), resolve)),
      );
    expect(answers).toEqual(['open', 'open', 'open']);
  });
});
