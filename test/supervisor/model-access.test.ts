import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { systemClock } from '#daemon/clock.js';
import { OPEN_TIMEOUT_MS, type TryOpen } from '#daemon/supervisor/file-access.js';
import { ProcessModelAccess } from '#daemon/supervisor/model-access.js';
import { VirtualClock } from '#test/harness/virtual-clock.js';
import { testUnless } from '#test/harness/skipping.js';
import { holdBack, noLease } from '#test/harness/without-permission.js';

const refuse =
  (code: string): TryOpen =>
  () =>
    Promise.reject(Object.assign(new Error(code), { code }));

function setUp(tryOpen: TryOpen) {
  const clock = new VirtualClock();
  const tried: string[] = [];
  const access = new ProcessModelAccess({
    ...{ clock, own: ['/sotto/models/', '/sotto/assets'] },
    tryOpen: (path, signal) => {
      tried.push(path);
      return tryOpen(path, signal);
    },
  });
  return { access, clock, tried };
}

describe('ProcessModelAccess', () => {
  test('does not check Sotto’s own directories', async () => {
    const { access, tried } = setUp(refuse('EPERM'));
    expect(await access.check('/sotto/models/base')).toBeUndefined();
    expect(tried).toEqual([]);
    expect(await access.check('/sotto/models/base/inner')).toBeDefined();
  });

  test('reports a directory that is refused; other errors are left to the engine', async () => {
    for (const code of ['EPERM', 'EACCES'])
      expect(await setUp(refuse(code)).access.check('/d/m')).toMatchObject({
        code: 'MODEL_UNREADABLE',
        message: expect.stringContaining('has no access') as unknown,
        hint: expect.stringContaining('move it into /sotto/models') as unknown,
      });
    expect(await setUp(refuse('ENOENT')).access.check('/d/m')).toBeUndefined();
    const { access, tried } = setUp(() => Promise.resolve());
    expect(await access.check('/d/m')).toBeUndefined();
    expect(tried).toEqual(['/d/m/config.json']);
  });

  test('reports after 2 s a directory that does not open, and ends its process; concurrent checks share one', async () => {
    let ended = 0;
    const { access, clock, tried } = setUp((_, signal) => {
      signal.addEventListener('abort', () => (ended += 1));
      return new Promise(() => undefined);
    });
    const both = Promise.all([access.check('/d/m'), access.check('/d/m')]);
    clock.advance(OPEN_TIMEOUT_MS);
    for (const problem of await both)
      expect(problem).toMatchObject({
        code: 'MODEL_UNREADABLE',
        message: expect.stringContaining('2 s') as unknown,
      });
    expect([tried.length, ended]).toEqual([1, 1]);
    void access.check('/d/m');
    expect(tried).toHaveLength(2);
  });
});

describe('with real processes', () => {
  let folder = '';
  beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'so-'))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  testUnless(noLease)('reports a directory that hangs, and no longer once it opens', async () => {
    const dir = join(folder, 'm');
    mkdirSync(dir);
    writeFileSync(join(dir, 'config.json'), '{}');
    const access = new ProcessModelAccess({ clock: systemClock, own: [] });
    const release = await holdBack(join(dir, 'config.json'));
    expect(await access.check(dir)).toMatchObject({ code: 'MODEL_UNREADABLE' });
    release();
    expect(await access.check(dir)).toBeUndefined();
    expect(await access.check(join(folder, 'none'))).toBeUndefined();
  });
});
