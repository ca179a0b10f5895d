import { readdirSync, statSync } from 'node:fs';
import { open as openReal, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { OpenSpool } from '#daemon/store/spool/spool-file.js';
import { rampText, SECOND } from '#test/harness/ramp.js';
import { until } from '#test/harness/wait.js';
import { withDaemons, EventCollector, speak, TOTAL } from './with-daemons.js';

const daemons = withDaemons();
const { daemon } = daemons;

describe('a disk that fails', () => {
  /** Fails writes while `broken`. */
  function failing() {
    const state = { broken: false, code: 'ENOSPC' };
    const openFile: OpenSpool = async (path, flags, mode) => {
      if (state.broken) throw Object.assign(new Error(state.code), { code: state.code });
      const handle = await openReal(path, flags, mode);
      return {
        read: handle.read.bind(handle),
        close: handle.close.bind(handle),
        datasync: handle.datasync.bind(handle),
        write: ((...args: Parameters<typeof handle.write>) =>
          state.broken
            ? Promise.reject(Object.assign(new Error(state.code), { code: state.code }))
            : handle.write(...args)) as typeof handle.write,
      };
    };
    return { state, openFile };
  }

  test('is reported once, nothing unwritten is acknowledged, and the text is complete', async () => {
    const { openFile, state } = failing();
    const { live } = daemon(openFile);
    const collector = new EventCollector();
    const session = await live.open({ id: 'one' });
    live.setListener(session, collector.listener, 0);
    speak(session, 0, SECOND);
    await until(() => collector.acknowledged === SECOND);
    state.broken = true;
    speak(session, SECOND, 2 * SECOND);
    await until(() => collector.warnings.length === 1);
    const warning = collector.numbered.find(({ type }) => type === 'warning');
    expect(warning?.type === 'warning' && warning.error.message).toContain('the disk is full');
    await until(() => collector.committed === rampText(2 * SECOND));
    expect(collector.acknowledged).toBe(SECOND);
    state.broken = false;
    speak(session, 2 * SECOND, TOTAL);
    await until(() => collector.acknowledged === TOTAL);
    session.finish(TOTAL);
    await until(() => collector.over !== undefined);
    expect(collector.over).toMatchObject({ type: 'final', text: rampText(TOTAL) });
    expect(collector.warnings).toHaveLength(1);
  });

  test('does not prevent a dictation, even if it fails from the start', async () => {
    const { openFile, state } = failing();
    state.broken = true;
    state.code = 'EACCES';
    const { engine, live } = daemon(openFile);
    const collector = new EventCollector();
    const session = await live.open({ id: 'one' });
    live.setListener(session, collector.listener, 0);
    speak(session, 0, 1.8 * SECOND);
    await until(() => collector.committed !== '');
    engine.die();
    speak(session, 1.8 * SECOND, TOTAL);
    session.finish(TOTAL);
    await until(() => collector.over !== undefined);
    expect(collector.over).toMatchObject({ type: 'final', text: rampText(TOTAL) });
    expect(collector.warnings).toEqual(['SPOOL_FAILED']);
    expect(collector.acknowledged).toBe(0);
  });

  test('that is full from the first write on stores everything once it has room, and is reported until then', async () => {
    // Like a real one: a file can be created, but not written.
    const state = { full: true };
    const openFile: OpenSpool = async (path, flags, mode) => {
      const handle = await openReal(path, flags, mode);
      return {
        read: handle.read.bind(handle),
        close: handle.close.bind(handle),
        datasync: handle.datasync.bind(handle),
        write: ((...args: Parameters<typeof handle.write>) =>
          state.full
            ? Promise.reject(Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' }))
            : handle.write(...args)) as typeof handle.write,
      };
    };
    const { clock, live } = daemon(openFile);
    const collector = new EventCollector();
    const session = await live.open({ id: 'one' });
    live.setListener(session, collector.listener, 0);
    speak(session, 0, SECOND);
    await until(() => collector.warnings.length === 1);
    const warning = collector.numbered.find(({ type }) => type === 'warning');
    expect(warning?.type === 'warning' && warning.error.message).toContain('the disk is full');
    expect(collector.acknowledged).toBe(0);
    state.full = false;
    // No more audio comes.
    clock.advance(1000);
    await until(() => collector.acknowledged === SECOND);
    speak(session, SECOND, TOTAL);
    await until(() => collector.acknowledged === TOTAL);
    expect(statSync(join(daemons.folder, 'one.spool')).size).toBeGreaterThan(2 * TOTAL);
    session.finish(TOTAL);
    await until(() => collector.over !== undefined);
    expect(collector.over).toMatchObject({ type: 'final', text: rampText(TOTAL) });
  });

  test('at any one call: everything is acknowledged a second later, and the text is complete', async () => {
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
          datasync: () => counted(() => handle.datasync()),
          write: ((...args: Parameters<typeof handle.write>) =>
            counted(() => handle.write(...args))) as typeof handle.write,
        };
      });
    const unlinkFile = (path: string) => counted(() => unlink(path));
    const dictate = async (id: string): Promise<void> => {
      const { clock, live } = daemon(openFile, unlinkFile);
      const collector = new EventCollector();
      const session = await live.open({ id });
      live.setListener(session, collector.listener, 0);
      speak(session, 0, TOTAL, SECOND / 2);
      await until(() => collector.committed === rampText(3 * SECOND));
      await session.kept();
      clock.advance(1000);
      await until(() => collector.acknowledged === TOTAL);
      expect(statSync(join(daemons.folder, `${id}.spool`)).size).toBeGreaterThan(2 * TOTAL);
      session.finish(TOTAL);
      await until(() => collector.over !== undefined);
      expect(collector.over).toMatchObject({ type: 'final', text: rampText(TOTAL) });
      clock.advance(10_000);
      // The next daemon removes what could not be removed.
      if (failAt === Infinity) await until(() => readdirSync(daemons.folder).length === 0);
      else await swept();
    };
    const swept = () =>
      until(async () => {
        const { clock, kept, live } = daemon();
        await live.recover();
        clock.advance(10_000);
        await live.stop(0);
        expect(kept).toEqual([]);
        return readdirSync(daemons.folder).length === 0;
      });
    await dictate('whole');
    const all = calls;
    expect(all).toBeGreaterThan(20);
    for (failAt = 1; failAt <= all; failAt++) {
      calls = 0;
      await dictate(`fails-${failAt}`);
    }
  });

  test('for an hour ends the dictation, not before, with all committed text', async () => {
    const { openFile, state } = failing();
    state.broken = true;
    const { engine, kept, live } = daemon(openFile);
    engine.die({ restarts: false });
    const collector = new EventCollector();
    const session = await live.open({ id: 'one' });
    live.setListener(session, collector.listener, 0);
    const minute = new Uint8Array(60 * SECOND * 2);
    for (let i = 0; i < 60; i++) session.push(i * 60 * SECOND, minute);
    await session.kept();
    expect([collector.over, collector.warnings, session.isOver]).toEqual([
      undefined,
      ['SPOOL_FAILED'],
      false,
    ]);
    session.push(3600 * SECOND, minute.subarray(0, 3200));
    await until(() => collector.over !== undefined);
    expect(collector.over).toMatchObject({
      type: 'failed',
      error: { code: 'SPOOL_FAILED', message: expect.stringContaining('memory is full') as unknown },
    });
    expect(kept[0]?.result).toMatchObject({ state: 'failed', durationSeconds: 3600.1 });
  });
});
