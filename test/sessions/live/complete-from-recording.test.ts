/** Audio that the client of a dictation recorded, but had not sent when it died. */
import { readdirSync, renameSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { SpoolFile, type OpenSpool } from '#daemon/store/spool/spool-file.js';
import { ramp, rampText, SECOND } from '#test/harness/ramp.js';
import { until } from '#test/harness/wait.js';
import { withDaemons, EventCollector, speak } from './with-daemons.js';

const daemons = withDaemons();
const { daemon } = daemons;
/** More than one read, and no whole number of seconds. */
const RECORDED = 47.3 * SECOND;

/** The file that a client records to during a session. */
async function recorded(id: string, samples = RECORDED): Promise<void> {
  const file = await SpoolFile.create(daemons.folder, { id: 'sound', startedMs: 1, options: {} });
  await file.append(new Uint8Array(ramp(0, samples).buffer));
  await file.close();
  renameSync(file.path, join(daemons.folder, `${id}.recording`));
}

/** A session of a dead daemon, which has its first samples. */
async function dictate(id: string, samples: number): Promise<void> {
  const { live } = daemon();
  const session = await live.open({ id });
  speak(session, 0, samples);
  await until(() => session.acknowledged === samples);
  await live.stop(0);
}

describe('the recording of a client that never resumes', () => {
  test('is added to the daemon’s audio before the dictation is finished, and removed with it', async () => {
    await dictate('one', 2.5 * SECOND);
    await recorded('one');
    const { clock, kept, live } = daemon();
    await live.recover();
    clock.advance(5_000);
    await until(() => kept.length === 1);
    expect(kept[0]?.result).toMatchObject({
      state: 'recovered',
      text: rampText(RECORDED),
      durationSeconds: RECORDED / SECOND,
    });
    clock.advance(10_000);
    await until(() => readdirSync(daemons.folder).length === 0);
  });

  test('is added, too, if only the client died', async () => {
    const { clock, kept, live } = daemon();
    const collector = new EventCollector();
    const session = await live.open({ id: 'one' });
    live.setListener(session, collector.listener, 0);
    speak(session, 0, 2 * SECOND);
    await recorded('one');
    live.removeListener(session, collector.listener);
    clock.advance(1_000);
    await until(() => kept.length === 1);
    expect(kept[0]?.result).toMatchObject({ text: rampText(RECORDED) });
  });

  test('is not needed by a client that resumes, which sends the rest itself', async () => {
    await dictate('one', 2 * SECOND);
    await recorded('one');
    const { clock, live } = daemon();
    await live.recover();
    const session = await live.find('one');
    const collector = new EventCollector();
    live.setListener(session, collector.listener, 0);
    clock.advance(60_000);
    expect(session.acknowledged).toBe(2 * SECOND);
    speak(session, 2 * SECOND, 3 * SECOND);
    session.finish(3 * SECOND);
    await until(() => collector.over !== undefined);
    expect(collector.over).toMatchObject({ type: 'final', text: rampText(3 * SECOND) });
  });

  test('is not added if its client resumes while it is read', async () => {
    await dictate('one', 2 * SECOND);
    await recorded('one');
    let closed = 0;
    const openFile: OpenSpool = async (path, flags, mode) => {
      const handle = await open(path, flags, mode);
      if (!path.endsWith('.recording')) return handle;
      const close = handle.close.bind(handle);
      handle.close = () => close().finally(() => (closed += 1));
      return handle;
    };
    const { clock, live } = daemon(openFile);
    await live.recover();
    clock.advance(5_000);
    const session = await live.find('one');
    const collector = new EventCollector();
    live.setListener(session, collector.listener, 0);
    // Its header was read, and its first samples.
    await until(() => closed === 2);
    await new Promise(setImmediate);
    expect([session.isFinishing, session.received]).toEqual([false, 2 * SECOND]);
    speak(session, 2 * SECOND, 3 * SECOND);
    session.finish(3 * SECOND);
    await until(() => collector.over !== undefined);
    expect(collector.over).toMatchObject({ type: 'final', text: rampText(3 * SECOND) });
  });

  test('changes nothing if it has less than the daemon, or is not a recording', async () => {
    await dictate('one', 3 * SECOND);
    await recorded('one', 2 * SECOND);
    await dictate('two', 2 * SECOND);
    writeFileSync(join(daemons.folder, 'two.recording'), 'notes of the user');
    const { clock, kept, live } = daemon();
    await live.recover();
    clock.advance(5_000);
    await until(() => kept.length === 2);
    const texts = kept.map(({ id, result }) => [id, 'text' in result ? result.text : undefined]);
    expect(texts.sort()).toEqual([
      ['one', rampText(3 * SECOND)],
      ['two', rampText(2 * SECOND)],
    ]);
    clock.advance(10_000);
    await until(() => readdirSync(daemons.folder).join() === 'two.recording');
  });

  test('of a dictation that is cancelled while it is read is not kept', async () => {
    await dictate('one', SECOND);
    await recorded('one');
    const { clock, kept, live } = daemon();
    await live.recover();
    clock.advance(5_000);
    await live.discard('one');
    expect(kept.map(({ result }) => result.state)).toEqual(expect.arrayContaining(['cancelled']));
    expect(kept.some(({ result }) => result.state === 'recovered')).toBe(false);
    expect(readdirSync(daemons.folder)).toEqual([]);
  });
});
