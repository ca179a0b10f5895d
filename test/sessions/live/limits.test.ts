/** The limits of a dictation: how long it may be, how long it waits for its client. */
import { statSync, truncateSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { PcmQueue } from '#daemon/sessions/live/pcm-queue.js';
import { SpoolFile } from '#daemon/store/spool/spool-file.js';
import { ramp, SECOND } from '#test/harness/ramp.js';
import { until } from '#test/harness/wait.js';
import { withDaemons, EventCollector, speak, TOTAL } from './with-daemons.js';

const daemons = withDaemons();
const { daemon } = daemons;

const HOURS_12 = 12 * 3600 * SECOND;

/** A dictation of silence, left by another daemon, as a sparse file. */
async function leave(id: string, samples: number): Promise<void> {
  const spool = await SpoolFile.create(daemons.folder, { id, startedMs: 1, options: {}, model: '/m' });
  await spool.close();
  truncateSync(spool.path, statSync(spool.path).size + 2 * samples);
}

describe('a dictation of twelve hours', () => {
  test('ends with a warning; later audio is not an error', async () => {
    const { engine, kept, live } = daemon();
    engine.die({ restarts: false });
    await leave('long', HOURS_12 - SECOND);
    const session = await live.find('long');
    const collector = new EventCollector();
    live.setListener(session, collector.listener, 0);
    speak(session, HOURS_12 - SECOND, HOURS_12 - SECOND / 2);
    await until(() => collector.acknowledged === HOURS_12 - SECOND / 2);
    expect([collector.warnings, session.isFinishing]).toEqual([[], false]);
    // One frame crosses the limit; others are on their way, and the client finishes with all samples.
    speak(session, HOURS_12 - SECOND / 2, HOURS_12 + 2 * SECOND, 1500);
    expect(session.isFinishing).toBe(true);
    session.push(HOURS_12 + 9 * SECOND, new Uint8Array(3200));
    session.recorded(HOURS_12 + 9 * SECOND);
    session.finish(HOURS_12 + 10 * SECOND);
    await until(() => collector.acknowledged === HOURS_12);
    const warnings = collector.numbered.filter(({ type }) => type === 'warning');
    expect(warnings).toMatchObject([
      { error: { code: 'DICTATION_TOO_LONG', message: 'the dictation has ended: the limit is 12 hours' } },
    ]);
    session.cancel();
    await until(() => kept.length === 1);
  });

  test('whose daemon died at the limit ends in the next one, whatever its client sends', async () => {
    for (const [i, end] of [
      (session: { push(at: number, pcm: Uint8Array): void }) => session.push(HOURS_12, new Uint8Array(3200)),
      (session: { finish(samples: number): void }) => session.finish(HOURS_12 + 5 * SECOND),
    ].entries()) {
      const { engine, live } = daemon();
      engine.die({ restarts: false });
      await leave(`at-limit-${i}`, HOURS_12);
      const session = await live.find(`at-limit-${i}`);
      live.setListener(session, new EventCollector().listener, 0);
      end(session);
      expect(session.isFinishing).toBe(true);
      session.cancel();
    }
  });
});

describe('a dictation of an earlier daemon', () => {
  test('waits five seconds for its client, and is then finished', async () => {
    const first = daemon();
    const session = await first.live.open({ id: 'one' });
    speak(session, 0, TOTAL);
    await until(() => session.acknowledged === TOTAL);
    await first.live.stop(0);
    const second = daemon();
    await second.live.recover();
    await until(() => second.engine.size === 1);
    second.clock.advance(4900);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([second.live.count, second.kept]).toEqual([1, []]);
    second.clock.advance(200);
    await until(() => second.kept.length === 1);
    expect(second.kept[0]?.result).toMatchObject({ state: 'recovered' });
  });
});

describe('audio in memory', () => {
  test('can be read at any place as if it were one piece', () => {
    const step = fc.oneof(
      fc.record({ push: fc.integer({ min: 0, max: 40 }) }),
      fc.record({ from: fc.nat(200), count: fc.nat(100) }),
      fc.constant({ shift: true }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const queue = new PcmQueue();
        const pieces: number[] = [];
        let [start, end] = [0, 0];
        for (const one of steps) {
          if ('push' in one) {
            queue.push(new Uint8Array(ramp(end, end + one.push).buffer));
            pieces.push(one.push);
            end += one.push;
          } else if ('shift' in one) {
            start += pieces.shift() ?? 0;
            queue.shift();
          } else {
            const from = Math.min(start + one.from, end);
            const expected = ramp(from, Math.min(from + one.count, end));
            const read = queue.read(one.from, one.from + one.count);
            expect(read.equals(new Uint8Array(expected.buffer))).toBe(true);
          }
          expect(queue.samples).toBe(end - start);
          expect(queue.first?.length).toBe(pieces[0] === undefined ? undefined : 2 * pieces[0]);
        }
      }),
    );
  });
});
