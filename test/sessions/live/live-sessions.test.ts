import { existsSync, readdirSync, readFileSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SottoError } from '#daemon/protocol/errors.js';
import { rampText, SECOND } from '#test/harness/ramp.js';
import { until } from '#test/harness/wait.js';
import { withDaemons, EventCollector, speak, TOTAL } from './with-daemons.js';

const daemons = withDaemons();
const { daemon } = daemons;

function thrownBy(call: () => void): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('a dictation', () => {
  test('becomes text: committed while it is spoken, the same at the end, and nothing is left on disk', async () => {
    const { clock, live, kept } = daemon();
    const collector = new EventCollector();
    const session = await live.open({ id: 'one' });
    live.setListener(session, collector.listener, 0);
    speak(session, 0, TOTAL);
    await until(() => collector.acknowledged === TOTAL);
    expect(statSync(join(daemons.folder, 'one.spool')).mode & 0o777).toBe(0o600);
    session.finish(TOTAL);
    await until(() => collector.over !== undefined);
    expect(collector.over).toMatchObject({
      type: 'final',
      text: rampText(TOTAL),
      durationSeconds: 3.3,
      refined: false,
    });
    expect(collector.committed).toBe(rampText(TOTAL));
    expect(kept.map(({ result }) => result.state)).toEqual(['final']);
    expect(live.count).toBe(0);
    clock.advance(10_000);
    await until(() => readdirSync(daemons.folder).length === 0);
  });

  test('sends its level, and the last tentative text', async () => {
    const { live } = daemon();
    const collector = new EventCollector();
    const session = await live.open({ id: 'one' });
    live.setListener(session, collector.listener, 0);
    session.push(0, new Uint8Array(new Int16Array(1600).fill(-16_384).buffer));
    session.push(1600, new Uint8Array(new Int16Array(1600).buffer));
    expect(collector.unnumbered.filter(({ type }) => type === 'level')).toEqual([
      { type: 'level', rms: -6, peak: -6 },
      { type: 'level', rms: -96, peak: -96 },
    ]);
    speak(session, 3200, SECOND / 2);
    await until(() => collector.unnumbered.some(({ type }) => type === 'tentative'));
    const other = new EventCollector();
    live.setListener(session, other.listener, 0);
    expect(other.unnumbered).toContainEqual({ type: 'tentative', text: ' …' });
    expect(other.unnumbered).toContainEqual({ type: 'state', state: 'listening' });
  });

  test('is cancelled once: neither text nor audio is kept', async () => {
    const { clock, engine, live, kept } = daemon();
    const collector = new EventCollector();
    const session = await live.open({ id: 'one' });
    live.setListener(session, collector.listener, 0);
    speak(session, 0, TOTAL);
    session.cancel();
    session.cancel();
    session.finish();
    await until(() => collector.over !== undefined);
    expect(collector.over).toEqual({ type: 'cancelled' });
    expect(kept.map(({ result }) => result)).toEqual([{ state: 'cancelled' }]);
    clock.advance(10_000);
    await until(() => readdirSync(daemons.folder).length === 0);
    expect(engine.size).toBe(0);
  });

  test('reports missing audio, an early end, and audio after the end', async () => {
    const { live } = daemon();
    const session = await live.open({ id: 'one' });
    expect(thrownBy(() => speak(session, 100, 200))).toMatchObject({
      code: 'PROTOCOL',
      message: 'samples 0 to 100 of the dictation are missing',
    });
    speak(session, 0, 1600);
    expect(thrownBy(() => session.finish(1700))).toMatchObject({ code: 'PROTOCOL' });
    session.finish(1600);
    expect(thrownBy(() => speak(session, 1600, 3200))).toMatchObject({ code: 'PROTOCOL' });
    speak(session, 0, 1600);
  });

  test('without audio is an empty text', async () => {
    const { live } = daemon();
    const collector = new EventCollector();
    const session = await live.open({ id: 'one' });
    live.setListener(session, collector.listener, 0);
    session.finish(0);
    await until(() => collector.over !== undefined);
    expect(collector.over).toMatchObject({ type: 'final', text: '', durationSeconds: 0 });
  });

  test('is refused for a missing model, an id in use, and too many sessions', async () => {
    const { live } = daemon();
    await expect(live.open({ id: 'a', model: 'none' })).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
    await live.open({ id: 'a' });
    await expect(live.open({ id: 'a' })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    for (let i = 1; i < 64; i++) await live.open({ id: `n${i}` });
    await expect(live.open({ id: 'b' })).rejects.toMatchObject({ code: 'BUSY' });
    expect(live.count).toBe(64);
    await live.stop(0);
  });
});

describe('an engine that dies', () => {
  test('is replaced: the text is the same', async () => {
    const { engine, live } = daemon();
    const collector = new EventCollector();
    const session = await live.open({ id: 'one' });
    live.setListener(session, collector.listener, 0);
    speak(session, 0, 1.8 * SECOND);
    await until(() => collector.committed !== '');
    engine.die({ restarts: false });
    expect(collector.unnumbered.at(-1)).toEqual({ type: 'state', state: 'restarting' });
    speak(session, 1.8 * SECOND, TOTAL);
    session.finish(TOTAL);
    engine.start();
    await until(() => collector.over !== undefined);
    expect(collector.committed).toBe(rampText(TOTAL));
    expect(engine.requests[1]).toMatchObject({ fromSample: SECOND, checkpoint: { fromSample: SECOND } });
  });

  test('three times over the same audio fails the dictation, and its audio is kept', async () => {
    const { engine, live, kept } = daemon();
    const collector = new EventCollector();
    const session = await live.open({ id: 'one' });
    live.setListener(session, collector.listener, 0);
    speak(session, 0, SECOND);
    await until(() => collector.committed !== '');
    for (let i = 0; i < 3; i++) {
      engine.die();
      await until(() => engine.size === 1 || collector.over !== undefined);
    }
    await until(() => collector.over !== undefined);
    expect(collector.over).toMatchObject({
      type: 'failed',
      error: { code: 'ENGINE_CRASHED' },
      recording: 'take.wav',
    });
    expect(engine.requests).toHaveLength(3);
    expect(kept[0]?.result).toMatchObject({ state: 'failed', text: rampText(SECOND) });
  });

  test('many times in a long dictation, far apart, does not fail it', async () => {
    const { engine, live } = daemon();
    const collector = new EventCollector();
    const session = await live.open({ id: 'one' });
    live.setListener(session, collector.listener, 0);
    for (let i = 0; i < 6; i++) {
      speak(session, 6 * i * SECOND, 6 * (i + 1) * SECOND);
      await until(() => collector.committed === rampText(6 * (i + 1) * SECOND));
      engine.die();
      await until(() => engine.size === 1);
    }
    session.finish(36 * SECOND);
    await until(() => collector.over !== undefined);
    expect(collector.over).toMatchObject({ type: 'final', text: rampText(36 * SECOND) });
  });

  test('is replaced by one that gets all audio if the dictation is decoded again at its end', async () => {
    const { engine, live } = daemon();
    const collector = new EventCollector();
    const session = await live.open({ id: 'one', options: { refine: true } });
    live.setListener(session, collector.listener, 0);
    speak(session, 0, 1.8 * SECOND);
    await until(() => collector.committed !== '');
    engine.die();
    await until(() => engine.requests.length === 2);
    expect(engine.requests[1]).toMatchObject({ fromSample: 0, checkpoint: { fromSample: SECOND } });
    session.finish(1.8 * SECOND);
    await until(() => collector.over !== undefined);
    expect(collector.committed).toBe(rampText(1.8 * SECOND));
  });
});

describe('a client that disconnected', () => {
  test('has its dictation finished as recovered, and can still read its end', async () => {
    const { clock, kept, live } = daemon();
    const collector = new EventCollector();
    const session = await live.open({ id: 'one' });
    live.setListener(session, collector.listener, 0);
    speak(session, 0, TOTAL);
    await until(() => collector.acknowledged === TOTAL);
    live.removeListener(session, collector.listener);
    clock.advance(900);
    expect(session.isOver || session.isFinishing).toBe(false);
    clock.advance(1100);
    await until(() => session.isOver);
    await until(() => kept.length === 1);
    expect(kept[0]?.result).toMatchObject({ state: 'recovered', text: rampText(TOTAL) });
    live.setListener(await live.find('one'), collector.listener, collector.seq);
    await until(() => collector.over !== undefined);
    expect(collector.over).toMatchObject({ type: 'final', text: rampText(TOTAL) });
    clock.advance(10_000);
    await until(() => readdirSync(daemons.folder).length === 0);
    await expect(live.find('one')).rejects.toMatchObject({ code: 'SESSION_NOT_FOUND' });
  });

  test('and resumes in time continues where it was', async () => {
    const { clock, live } = daemon();
    const collector = new EventCollector();
    const session = await live.open({ id: 'one' });
    live.setListener(session, collector.listener, 0);
    speak(session, 0, 1.8 * SECOND);
    await until(() => collector.acknowledged === 1.8 * SECOND);
    live.removeListener(session, collector.listener);
    clock.advance(900);
    const again = await live.find('one');
    live.setListener(again, collector.listener, collector.seq);
    clock.advance(10_000);
    // It does not know the last acknowledgement, and sends some audio again.
    speak(again, SECOND, TOTAL);
    again.finish(TOTAL);
    await until(() => collector.over !== undefined);
    expect(collector.committed).toBe(rampText(TOTAL));
  });

  test('that never listened is not waited for', async () => {
    const { clock, live } = daemon();
    const session = await live.open({ id: 'one' });
    clock.advance(2000);
    await until(() => session.isOver);
  });
});

describe('a daemon that dies', () => {
  test('leaves a dictation that continues in the next one, word for word', async () => {
    const collector = new EventCollector();
    const first = daemon();
    const session = await first.live.open({ id: 'one' });
    first.live.setListener(session, collector.listener, 0);
    speak(session, 0, 1.8 * SECOND);
    await until(() => collector.acknowledged === 1.8 * SECOND && collector.committed !== '');
    first.live.removeListener(session, collector.listener); // and nothing more of it: its timers stand still
    const second = daemon();
    void second.live.recover();
    const again = await second.live.find('one');
    expect(again.acknowledged).toBe(1.8 * SECOND);
    second.live.setListener(again, collector.listener, collector.seq);
    second.clock.advance(60_000);
    speak(again, 1.8 * SECOND, TOTAL);
    again.finish(TOTAL);
    await until(() => collector.over !== undefined);
    expect(collector.committed).toBe(rampText(TOTAL));
    expect(second.engine.requests[0]).toMatchObject({ fromSample: SECOND });
  });

  test('leaves a dictation that is finished by the next one if no client resumes it', async () => {
    const first = daemon();
    const session = await first.live.open({ id: 'one' });
    speak(session, 0, TOTAL);
    await until(() => session.acknowledged === TOTAL);
    const second = daemon();
    await second.live.recover();
    second.clock.advance(5000);
    await until(() => second.kept.length === 1);
    expect(second.kept[0]?.result).toMatchObject({ state: 'recovered', text: rampText(TOTAL) });
    await until(() => second.live.isIdle);
    second.clock.advance(10_000);
    await until(() => readdirSync(daemons.folder).length === 0);
  });

  test('before it sent the last event has the next one send it', async () => {
    const first = daemon();
    const collector = new EventCollector();
    const session = await first.live.open({ id: 'one' });
    first.live.setListener(session, collector.listener, 0);
    speak(session, 0, TOTAL);
    session.finish(TOTAL);
    await until(() => first.live.isIdle && collector.over !== undefined);
    const received = collector.seq;
    const second = daemon();
    await second.live.recover();
    const late = new EventCollector();
    late.seq = received - 2;
    second.live.setListener(await second.live.find('one'), late.listener, late.seq);
    expect(late.over).toMatchObject({ type: 'final', text: rampText(TOTAL) });
    expect(second.engine.requests).toHaveLength(0);
    expect(second.live.isIdle).toBe(true);
    second.clock.advance(10_000);
    await until(() => readdirSync(daemons.folder).length === 0);
  });

  test('that could not keep a dictation leaves it to the next one', async () => {
    const first = daemon();
    const collector = new EventCollector();
    const session = await first.live.open({ id: 'one' });
    first.live.setListener(session, collector.listener, 0);
    speak(session, 0, TOTAL);
    first.refuse.push(new Error('the history is locked'));
    session.finish(TOTAL);
    await until(() => first.live.isIdle && collector.over !== undefined);
    expect(collector.over).toMatchObject({ type: 'final', text: rampText(TOTAL) });
    await first.live.stop(0);
    const second = daemon();
    await second.live.recover();
    second.clock.advance(5000);
    await until(() => second.kept.length === 1);
    expect(second.kept[0]?.result).toMatchObject({ text: rampText(TOTAL) });
  });

  test('of another version, whose checkpoints can’t be read, repeats and loses no word', async () => {
    const collector = new EventCollector();
    const first = daemon();
    const session = await first.live.open({ id: 'one' });
    first.live.setListener(session, collector.listener, 0);
    speak(session, 0, 1.8 * SECOND);
    await until(() => collector.acknowledged === 1.8 * SECOND && collector.committed !== '');
    await first.live.stop(0);
    const second = daemon();
    const { engine } = second;
    const openStream = engine.openStream.bind(engine);
    engine.openStream = (request, report) => {
      if (request.checkpoint === undefined) return openStream(request, report);
      queueMicrotask(() => report({ type: 'failed', error: new SottoError('INVALID_ARGUMENT', 'unknown') }));
      return { audio: () => undefined, finish: () => undefined, cancel: () => undefined };
    };
    await second.live.recover();
    const again = await second.live.find('one');
    second.live.setListener(again, collector.listener, collector.seq);
    speak(again, 1.8 * SECOND, TOTAL);
    again.finish(TOTAL);
    await until(() => collector.over !== undefined);
    expect(collector.over).toMatchObject({ type: 'final', text: rampText(TOTAL) });
    expect(collector.committed).toBe(rampText(TOTAL));
  });

  test('with a journal that is cut off anywhere loses no sample and repeats none', async () => {
    const first = daemon();
    const collector = new EventCollector();
    const session = await first.live.open({ id: 'one' });
    first.live.setListener(session, collector.listener, 0);
    speak(session, 0, TOTAL);
    await until(() => collector.acknowledged === TOTAL && collector.seq === 4);
    const journal = join(daemons.folder, 'one.events');
    const whole = readFileSync(journal);
    await first.live.stop(0);
    for (let bytes = whole.length; bytes >= 0; bytes -= 7) {
      truncateSync(journal, bytes);
      const next = daemon();
      const other = new EventCollector();
      const again = await next.live.find('one');
      next.live.setListener(again, other.listener, 0);
      await until(() => other.seq === 4);
      expect(other.committed).toBe(rampText(3 * SECOND));
      await next.live.stop(0);
    }
  });

  test('in an orderly stop leaves running dictations to the next one, and waits for finishing ones', async () => {
    const first = daemon();
    const [talks, ends] = [new EventCollector(), new EventCollector()];
    const talking = await first.live.open({ id: 'talks' });
    const ending = await first.live.open({ id: 'ends' });
    first.live.setListener(talking, talks.listener, 0);
    first.live.setListener(ending, ends.listener, 0);
    speak(talking, 0, TOTAL);
    speak(ending, 0, TOTAL);
    ending.finish(TOTAL);
    await first.live.stop(5000);
    expect(ends.over).toMatchObject({ type: 'final' });
    expect(talks.over).toBeUndefined();
    expect(existsSync(join(daemons.folder, 'talks.spool'))).toBe(true);
    await expect(first.live.open({ id: 'late' })).rejects.toMatchObject({ code: 'DAEMON_UNAVAILABLE' });
  });
});

describe('whatever happens', () => {
  test('a dictation sends each word once, in order, and ends once', async () => {
    const step = fc.oneof(
      {
        weight: 8,
        arbitrary: fc.record({
          do: fc.constant('speak' as const),
          samples: fc.integer({ min: 1, max: 20_000 }),
        }),
      },
      { weight: 2, arbitrary: fc.constant({ do: 'die' as const }) },
      { weight: 2, arbitrary: fc.constant({ do: 'leave' as const }) },
      { weight: 1, arbitrary: fc.constant({ do: 'new daemon' as const }) },
      { weight: 3, arbitrary: fc.constant({ do: 'settle' as const }) },
    );
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const id = `run-${run++}`;
        let daemons = daemon();
        let collector = new EventCollector();
        let session = await daemons.live.open({ id });
        daemons.live.setListener(session, collector.listener, 0);
        let spoken = 0;
        let deaths = 0;
        const settle = (): Promise<void> =>
          until(
            () =>
              daemons.engine.size === 1 &&
              collector.committed === rampText(Math.floor(spoken / SECOND) * SECOND),
          );
        for (const one of steps) {
          if (one.do === 'speak') {
            speak(session, spoken, spoken + one.samples, 4000);
            spoken += one.samples;
          } else if (one.do === 'settle') await settle();
          else if (one.do === 'die') {
            if (++deaths > 2) continue;
            daemons.engine.die();
            await until(() => daemons.engine.size === 1);
          } else if (one.do === 'leave') {
            daemons.live.removeListener(session, collector.listener);
            daemons.clock.advance(500);
            session = await daemons.live.find(id);
            daemons.live.setListener(session, collector.listener, collector.seq);
          } else {
            await until(() => session.acknowledged === spoken);
            daemons.live.removeListener(session, collector.listener);
            await daemons.live.stop(0);
            daemons = daemon();
            void daemons.live.recover();
            session = await daemons.live.find(id);
            daemons.live.setListener(session, collector.listener, collector.seq);
          }
        }
        session.finish(spoken);
        await until(() => collector.over !== undefined);
        expect(collector.over).toMatchObject({ type: 'final', text: rampText(spoken) });
        expect(collector.committed).toBe(rampText(spoken));
        collector = new EventCollector();
        daemons.live.setListener(await daemons.live.find(id), collector.listener, 0);
        expect(collector.committed).toBe(rampText(spoken));
      }),
      { numRuns: 60 },
    );
  });
});
