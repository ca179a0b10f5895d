/** A cancelled dictation is in no spool and not in the history, whichever daemon learns of it and when. */
import { existsSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { markCancelled } from '#daemon/store/spool/cancel-mark.js';
import { SpoolFile } from '#daemon/store/spool/spool-file.js';
import { ramp, rampText, SECOND } from '#test/harness/ramp.js';
import { until } from '#test/harness/wait.js';
import { withDaemons, EventCollector, speak, TOTAL } from './with-daemons.js';

const daemons = withDaemons();
const { daemon } = daemons;

/** A dictation in the spool of a daemon that died. */
async function dictate(id: string): Promise<void> {
  const { live } = daemon();
  const session = await live.open({ id });
  speak(session, 0, TOTAL);
  await until(() => session.acknowledged === TOTAL);
  await live.stop(0);
  expect(existsSync(join(daemons.folder, `${id}.spool`))).toBe(true);
}

const states = (kept: readonly { result: { state: string } }[]): string[] =>
  kept.map(({ result }) => result.state);

describe('a dictation that was cancelled while no daemon ran', () => {
  test('is removed by the next one that finds the mark, and can’t be resumed', async () => {
    await dictate('one');
    await dictate('other');
    markCancelled(daemons.folder, 'one');
    const next = daemon();
    await next.live.recover();
    expect(readdirSync(daemons.folder).sort()).toEqual(['other.events', 'other.spool']);
    await expect(next.live.find('one')).rejects.toMatchObject({ code: 'SESSION_NOT_FOUND' });
    next.clock.advance(5000);
    await until(() => next.kept.length === 2);
    // The history must forget it, too: an earlier daemon may have finished it.
    expect(next.kept.map(({ id, result }) => [id, result.state])).toEqual([
      ['one', 'cancelled'],
      ['other', 'recovered'],
    ]);
  });

  test('is removed, whether a daemon had any of it or not', async () => {
    await dictate('one');
    const recorded = await SpoolFile.create(daemons.folder, { id: 'two', startedMs: 1, options: {} });
    await recorded.append(new Uint8Array(ramp(0, SECOND).buffer));
    await recorded.close();
    renameSync(recorded.path, join(daemons.folder, 'two.unsent'));
    for (const id of ['one', 'two']) markCancelled(daemons.folder, id);
    await daemon().live.recover();
    expect(readdirSync(daemons.folder)).toEqual([]);
  });

  test('is removed even if its client resumes before the daemon has checked', async () => {
    await dictate('one');
    markCancelled(daemons.folder, 'one');
    const next = daemon();
    await expect(next.live.find('one')).rejects.toMatchObject({ code: 'SESSION_NOT_FOUND' });
    expect(readdirSync(daemons.folder)).toEqual([]);
  });

  test('is removed by a daemon that has restored it already, before it is kept or after', async () => {
    await dictate('one');
    const next = daemon();
    await next.live.recover();
    await until(() => next.engine.size === 1);
    markCancelled(daemons.folder, 'one');
    next.clock.advance(5000);
    await until(() => next.kept.length === 1);
    expect(states(next.kept)).toEqual(['cancelled']);
    await until(() => readdirSync(daemons.folder).length === 0);

    await dictate('two');
    const last = daemon();
    await last.live.recover();
    last.clock.advance(5000);
    await until(() => last.kept.length === 1);
    markCancelled(daemons.folder, 'two');
    last.clock.advance(10_000);
    await until(() => last.kept.length === 2);
    expect(states(last.kept)).toEqual(['recovered', 'cancelled']);
    await until(() => readdirSync(daemons.folder).length === 0);
  });
});

describe('a dictation that its client cancelled while the daemon started', () => {
  test('goes on, because the client may undo that; is removed if the client is lost', async () => {
    const { clock, kept, live } = daemon();
    const collector = new EventCollector();
    const session = await live.open({ id: 'one' });
    live.setListener(session, collector.listener, 0);
    speak(session, 0, TOTAL);
    markCancelled(daemons.folder, 'one');
    await live.recover();
    expect([collector.over, states(kept)]).toEqual([undefined, []]);
    live.removeListener(session, collector.listener);
    clock.advance(5000);
    await until(() => kept.length === 1);
    expect(states(kept)).toEqual(['cancelled']);
    await until(() => readdirSync(daemons.folder).length === 0);
  });
});

describe('a client that discards', () => {
  test('leaves nothing behind: of a running session, a finished one, one on disk, an unknown one', async () => {
    await dictate('on-disk');
    const { kept, live } = daemon();
    const collector = new EventCollector();
    const running = await live.open({ id: 'going' });
    live.setListener(running, collector.listener, 0);
    speak(running, 0, SECOND);
    const over = await live.open({ id: 'over' });
    speak(over, 0, SECOND);
    over.finish();
    await until(() => kept.length === 1);
    for (const id of ['going', 'over', 'on-disk', 'never']) await live.discard(id);
    expect(collector.over).toEqual({ type: 'cancelled' });
    expect(readdirSync(daemons.folder)).toEqual([]);
    for (const id of ['going', 'over', 'on-disk', 'never'])
      expect(kept.findLast((outcome) => outcome.id === id)?.result).toEqual({ state: 'cancelled' });
  });

  test('is asked to retry by a daemon that stops', async () => {
    const { live } = daemon();
    await live.stop(0);
    await expect(live.discard('one')).rejects.toMatchObject({ code: 'DAEMON_UNAVAILABLE' });
  });

  test('leaves a mark for the next daemon, and no audio, if the history can’t be written', async () => {
    const { live, refuse } = daemon();
    const session = await live.open({ id: 'one' });
    speak(session, 0, SECOND);
    refuse.push(new Error('the history is locked'));
    session.cancel();
    await until(() => session.isOver && readdirSync(daemons.folder).join() === 'one.cancelled');
    const next = daemon();
    await next.live.recover();
    expect(states(next.kept)).toEqual(['cancelled']);
    expect(readdirSync(daemons.folder)).toEqual([]);
  });

  test('ignores a mark with a name that is not Sotto’s', async () => {
    writeFileSync(join(daemons.folder, 'a b.cancelled'), '');
    await daemon().live.recover();
    expect(readdirSync(daemons.folder)).toEqual(['a b.cancelled']);
  });
});

describe('a dictation whose client does not wait', () => {
  test('is kept as left, whether it was finishing already or not; one whose client was lost, as recovered', async () => {
    const { clock, kept, live } = daemon();
    for (const isFinishing of [false, true]) {
      const collector = new EventCollector();
      const session = await live.open({ id: `left-${isFinishing}` });
      live.setListener(session, collector.listener, 0);
      speak(session, 0, TOTAL);
      if (isFinishing) session.finish(TOTAL);
      session.finish(TOTAL, true);
      live.removeListener(session, collector.listener);
      await until(() => kept.at(-1)?.id === session.id);
      expect(kept.at(-1)?.result).toMatchObject({ state: 'left', text: rampText(TOTAL) });
    }
    const lost = await live.open({ id: 'lost' });
    speak(lost, 0, TOTAL);
    clock.advance(1000);
    await until(() => kept.length === 3);
    expect(kept[2]?.result).toMatchObject({ state: 'recovered' });
  });
});

describe('a dictation whose model was removed', () => {
  test('is finished with the default model, and reported to its client and in the log', async () => {
    const first = daemon();
    const collector = new EventCollector();
    const session = await first.live.open({ id: 'one', model: '/models/removed' });
    first.live.setListener(session, collector.listener, 0);
    speak(session, 0, 1.8 * SECOND);
    await until(() => collector.acknowledged === 1.8 * SECOND && collector.committed !== '');
    await first.live.stop(0);
    const second = daemon(undefined, undefined, ['/models/removed']);
    await second.live.recover();
    const again = await second.live.find('one');
    expect(again.settings).toMatchObject({ model: { name: 'fake' }, fallbackFor: 'removed' });
    second.live.setListener(again, collector.listener, collector.seq);
    speak(again, 1.8 * SECOND, TOTAL);
    again.finish(TOTAL);
    await until(() => collector.over !== undefined);
    const warning = collector.numbered.find(({ type }) => type === 'warning');
    expect(warning).toMatchObject({
      error: {
        code: 'MODEL_NOT_FOUND',
        message: 'the model removed was removed; fake is used for this dictation',
      },
    });
    // Another model can't use its checkpoint: it decodes everything, and repeats no word.
    expect(second.engine.requests[0]).toMatchObject({ fromSample: 0, model: { dir: '/m' } });
    expect(second.engine.requests[0]).not.toHaveProperty('checkpoint');
    expect(collector.committed).toBe(rampText(TOTAL));
    expect(collector.over).toMatchObject({ type: 'final', text: rampText(TOTAL) });
  });
});
