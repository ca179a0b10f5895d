import { existsSync, statSync } from 'node:fs';
import { open as openReal } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { OpenSpool } from '#daemon/store/spool/spool-file.js';
import { rampText, SECOND } from '#test/harness/ramp.js';
import { until } from '#test/harness/wait.js';
import { daemonsHere, Ear, speak, TOTAL } from './daemons-here.js';

const here = daemonsHere();
const { daemon } = here;

describe('a disk that fails', () => {
  /** Fails writes as long as `broken`. */
  function failing() {
    const state = { broken: false, code: 'ENOSPC' };
    const openFile: OpenSpool = async (path, flags, mode) => {
      if (state.broken) throw Object.assign(new Error(state.code), { code: state.code });
      const handle = await openReal(path, flags, mode);
      return {
        read: handle.read.bind(handle),
        close: handle.close.bind(handle),
        write: ((...args: Parameters<typeof handle.write>) =>
          state.broken
            ? Promise.reject(Object.assign(new Error(state.code), { code: state.code }))
            : handle.write(...args)) as typeof handle.write,
      };
    };
    return { state, openFile };
  }

  test('is told once, nothing is acknowledged that is not on it, and the text is whole', async () => {
    const { openFile, state } = failing();
    const { live } = daemon(openFile);
    const ear = new Ear();
    const session = await live.open({ id: 'one' });
    live.listen(session, ear.listener, 0);
    speak(session, 0, SECOND);
    await until(() => ear.acknowledged === SECOND);
    state.broken = true;
    speak(session, SECOND, 2 * SECOND);
    await until(() => ear.warnings.length === 1);
    const warning = ear.numbered.find(({ type }) => type === 'warning');
    expect(warning?.type === 'warning' && warning.error.message).toContain('the disk is full');
    await until(() => ear.committed === rampText(2 * SECOND));
    expect(ear.acknowledged).toBe(SECOND);
    state.broken = false;
    speak(session, 2 * SECOND, TOTAL);
    await until(() => ear.acknowledged === TOTAL);
    session.finish(TOTAL);
    await until(() => ear.over !== undefined);
    expect(ear.over).toMatchObject({ type: 'final', text: rampText(TOTAL) });
    expect(ear.warnings).toHaveLength(1);
  });

  test('from the first moment on does not keep anybody from dictating', async () => {
    const { openFile, state } = failing();
    state.broken = true;
    state.code = 'EACCES';
    const { engine, live } = daemon(openFile);
    const ear = new Ear();
    const session = await live.open({ id: 'one' });
    live.listen(session, ear.listener, 0);
    speak(session, 0, 1.8 * SECOND);
    await until(() => ear.committed !== '');
    engine.die();
    speak(session, 1.8 * SECOND, TOTAL);
    session.finish(TOTAL);
    await until(() => ear.over !== undefined);
    expect(ear.over).toMatchObject({ type: 'final', text: rampText(TOTAL) });
    expect(ear.warnings).toEqual(['SPOOL_FAILED']);
    expect(ear.acknowledged).toBe(0);
  });

  test('at any one call of a whole take: no crash, no false acknowledgement, the text is whole', async () => {
    let calls = 0;
    let failAt = Infinity;
    const fail = (code: string) => Object.assign(new Error(code), { code });
    const codes = ['ENOSPC', 'EIO', 'EMFILE'];
    const counted = async <T>(work: () => Promise<T>): Promise<T> => {
      if (++calls === failAt) throw fail(codes[failAt % codes.length] ?? 'EIO');
      return work();
    };
    const openFile: OpenSpool = (path, flags, mode) =>
      counted(async () => {
        const handle = await openReal(path, flags, mode);
        return {
          read: (...args: Parameters<typeof handle.read>) => counted(() => handle.read(...args)),
          close: () => counted(() => handle.close()).finally(() => handle.close().catch(() => undefined)),
          write: ((...args: Parameters<typeof handle.write>) =>
            counted(() => handle.write(...args))) as typeof handle.write,
        };
      });
    const take = async (id: string): Promise<void> => {
      const { live } = daemon(openFile);
      const ear = new Ear();
      const session = await live.open({ id });
      live.listen(session, ear.listener, 0);
      speak(session, 0, TOTAL, SECOND / 2);
      await until(() => ear.committed === rampText(3 * SECOND) || ear.over !== undefined);
      const path = join(here.folder, `${id}.spool`);
      const onDisk = existsSync(path) ? statSync(path).size / 2 : 0;
      expect(ear.acknowledged).toBeLessThanOrEqual(onDisk);
      session.finish(TOTAL);
      await until(() => ear.over !== undefined);
      expect(ear.over).toMatchObject({ type: 'final', text: rampText(TOTAL) });
    };
    await take('whole');
    const all = calls;
    expect(all).toBeGreaterThan(20);
    for (failAt = 1; failAt <= all; failAt++) {
      calls = 0;
      await take(`fails-${failAt}`);
    }
  });
});
