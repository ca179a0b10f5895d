import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Dictation, SottoClient, type DictationEvent } from '#daemon/client/index.js';
import { SampleStore } from '#daemon/client/sample-store.js';
import { SottoError } from '#daemon/protocol/errors.js';
import { until } from '#test/harness/wait.js';
import { all, committedIn, withFakeDaemons, rampFrom, reconnect, speak } from './with-fake-daemons.js';
import { FakeLiveDaemon, type Cut } from './fake-live-daemon.js';

const here = withFakeDaemons();
const { closeAll, fakeDaemon } = here;

describe('a dictation', () => {
  test('opens, gets acknowledgements, and ends with its final text', async () => {
    const { daemon, connect } = await fakeDaemon();
    const dictation = Dictation.open({ connect, model: 'base', options: { language: 'en' } });
    const events = all(dictation);
    await speak(dictation, [16_000, 1, 15_999, 400]);
    dictation.finish();
    const received = await events;
    expect(daemon.wrong).toEqual([]);
    expect(received[0]).toEqual({ type: 'opened', model: 'fake' });
    expect(received.at(-1)).toMatchObject({ type: 'final', text: ' word-0 word-1 word-2 word-3' });
    expect(committedIn(received)).toBe(' word-0 word-1 word-2 word-3');
    expect(dictation.acknowledgedSamples).toBe(32_400);
  });

  test('sends each sample and emits each word once, even if connections break and daemons die', async () => {
    const cut = fc.record({
      up: fc.integer({ min: 0, max: 60_000 }),
      down: fc.oneof(fc.integer({ min: 0, max: 1_500 }), fc.integer({ min: 1_500, max: 20_000 })),
      dies: fc.boolean(),
    });
    // If the first connection fails there is no session yet, and the caller gets the error.
    const first = cut.map((where): Cut => ({ ...where, up: where.up + 700, down: where.down + 700 }));
    await fc.assert(
      fc.asyncProperty(
        fc.tuple(first, fc.array(cut, { maxLength: 7 })),
        fc.array(fc.integer({ min: 1, max: 5_000 }), { minLength: 1, maxLength: 25 }),
        fc.integer({ min: 1, max: 12_000 }),
        async ([start, more], pieces, acknowledgeEvery) => {
          const cuts = [start, ...more];
          const { daemon, connect } = await fakeDaemon({ cuts, acknowledgeEvery, samplesPerWord: 3_000 });
          const dictation = Dictation.open({ connect, reconnect });
          const events = all(dictation);
          const sentSamples = await speak(dictation, pieces);
          dictation.finish();
          const received = await events;
          const text = Array.from({ length: Math.floor(sentSamples / 3_000) }, (_, i) => ` word-${i}`).join(
            '',
          );
          expect(daemon.wrong).toEqual([]);
          expect(received.at(-1)).toMatchObject({
            type: 'final',
            text,
            durationSeconds: sentSamples / 16_000,
          });
          expect(committedIn(received)).toBe(text);
          expect(received.filter(({ type }) => type === 'opened')).toHaveLength(1);
          const states = received.map((event) => (event.type === 'connection' ? event.state : '')).join(' ');
          expect(states.trim().replace(/ +/g, ' ')).toMatch(/^(lost restored ?)*$/);
          await closeAll();
        },
      ),
      { numRuns: 150 },
    );
  });

  test('sends finish again if it was lost', async () => {
    let times = 0;
    const { daemon, connect } = await fakeDaemon({
      deaf: ({ type }) => {
        if (type !== 'finish' || ++times > 2) return false;
        daemon.breakAll();
        return true;
      },
    });
    const dictation = Dictation.open({ connect, reconnect });
    const events = all(dictation);
    dictation.push(rampFrom(0, 16_000));
    dictation.finish();
    expect((await events).at(-1)).toMatchObject({ type: 'final', text: ' word-0 word-1' });
    expect([times, daemon.wrong]).toEqual([3, []]);
  });

  test('keeps audio until there is a connection', async () => {
    const { daemon, connect } = await fakeDaemon();
    let letGo: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (letGo = resolve));
    const dictation = Dictation.open({ connect: () => held.then(connect) });
    const events = all(dictation);
    await speak(dictation, [8_000, 8_000]);
    dictation.finish();
    expect(dictation.firstSentMs).toBeUndefined();
    letGo();
    expect((await events).at(-1)).toMatchObject({ type: 'final', durationSeconds: 1 });
    expect(daemon.wrong).toEqual([]);
  });

  test('fails at once if it can’t connect', async () => {
    const unavailable = () =>
      Promise.reject(new SottoError('DAEMON_UNAVAILABLE', 'the daemon isn’t running'));
    expect(await all(Dictation.open({ connect: unavailable }))).toMatchObject([
      { type: 'failed', error: { code: 'DAEMON_UNAVAILABLE', message: 'the daemon isn’t running' } },
    ]);
  });

  test('gives up after its timeout without a daemon, with a hint to the text', async () => {
    const { daemon, connect } = await fakeDaemon({ acknowledgeEvery: 1_000 });
    let unavailable = false;
    const dictation = Dictation.open({
      connect: () =>
        unavailable
          ? Promise.reject(new SottoError('DAEMON_UNAVAILABLE', 'the daemon isn’t running'))
          : connect(),
      reconnect: { ...reconnect, giveUpMs: 30 },
    });
    const events = all(dictation);
    dictation.push(rampFrom(0, 1_600));
    await until(() => dictation.acknowledgedSamples === 1_600);
    unavailable = true;
    daemon.breakAll();
    expect((await events).slice(-2)).toMatchObject([
      { type: 'connection', state: 'lost' },
      {
        type: 'failed',
        error: { code: 'DAEMON_LOST', hint: expect.stringContaining('sotto history') as unknown },
      },
    ]);
  });

  test('does not retry after a permanent error', async () => {
    const { daemon, connect } = await fakeDaemon();
    let answers = 0;
    const dictation = Dictation.open({
      connect: () => {
        answers += 1;
        return answers === 1 ? connect() : Promise.reject(new SottoError('VERSION_MISMATCH', 'another one'));
      },
      reconnect,
    });
    const events = all(dictation);
    await until(() => daemon.sessions.size === 1);
    daemon.breakAll();
    expect((await events).at(-1)).toMatchObject({ type: 'failed', error: { code: 'DAEMON_LOST' } });
    expect(answers).toBe(2);
  });

  test('waits for the next daemon if one is stopping', async () => {
    let times = 0;
    const stopping = new SottoError('DAEMON_UNAVAILABLE', 'the daemon is stopping');
    const { daemon, connect } = await fakeDaemon({
      refuses: ({ type }) => (type === 'open' && ++times === 1 ? stopping : undefined),
    });
    const dictation = Dictation.open({ connect, reconnect });
    const events = all(dictation);
    await speak(dictation, [16_000]);
    dictation.finish();
    expect((await events).at(-1)).toMatchObject({ type: 'final', text: ' word-0 word-1' });
    expect([times, daemon.wrong]).toEqual([2, []]);
  });

  test('gives up on a daemon that is stopping for too long', async () => {
    const stopping = new SottoError('DAEMON_UNAVAILABLE', 'the daemon is stopping');
    const { connect } = await fakeDaemon({
      refuses: ({ type }) => (type === 'hello' ? undefined : stopping),
    });
    const dictation = Dictation.open({ connect, reconnect: { ...reconnect, giveUpMs: 30 } });
    expect((await all(dictation)).at(-1)).toMatchObject({ type: 'failed', error: { code: 'DAEMON_LOST' } });
  });

  test('fails with the reason if the daemon has lost acknowledged audio', async () => {
    const { daemon, connect } = await fakeDaemon({ acknowledgeEvery: 100 });
    const dictation = Dictation.open({ connect, reconnect });
    const events = all(dictation);
    dictation.push(rampFrom(0, 3_200));
    await until(() => dictation.acknowledgedSamples === 3_200);
    daemon.sessions.clear();
    daemon.breakAll();
    expect((await events).at(-1)).toMatchObject({ type: 'failed', error: { code: 'DAEMON_LOST' } });
  });

  test('repeats no word if the session starts over from its first sample', async () => {
    const { daemon, connect } = await fakeDaemon({ acknowledgeEvery: 1_000_000 });
    const dictation = Dictation.open({ connect, reconnect });
    const events = all(dictation);
    dictation.push(rampFrom(0, 16_000));
    await until(() => [...daemon.sessions.values()][0]?.received === 16_000);
    const first = daemon.sessions.get(dictation.id);
    if (first === undefined) throw new Error('no session');
    const word = { start: 0, end: 0.5, word: ' word-0', probability: 1 };
    // Committed although nothing is on disk, as with a full disk.
    daemon.emit(first, { type: 'language', language: 'en' });
    daemon.emit(first, { type: 'committed', text: ' word-0', words: [word] });
    await new Promise((resolve) => setTimeout(resolve, 20));
    daemon.sessions.clear();
    daemon.breakAll();
    await until(() => daemon.sessions.size === 1);
    dictation.finish();
    const received = await events;
    expect(committedIn(received)).toBe(' word-0 word-1');
    expect(received.at(-1)).toMatchObject({ type: 'final', text: ' word-0 word-1' });
    expect(daemon.wrong).toEqual([]);
  });

  test('closes its connection at any kind of end', async () => {
    for (const end of ['finish', 'cancel', 'leave'] as const) {
      const path = join(here.folder, end);
      const daemon = await FakeLiveDaemon.listen(path, { acknowledgeEvery: 16_000 });
      here.closesAfter(daemon);
      const dictation = Dictation.open({ connect: () => SottoClient.connect(path, 'test') });
      const events = all(dictation);
      dictation.push(rampFrom(0, 16_000));
      await until(() => dictation.acknowledgedSamples === 16_000);
      expect(daemon.open).toBe(1);
      dictation[end]();
      await events;
      await until(() => daemon.open === 0);
      expect(daemon.wrong).toEqual([]);
    }
  });

  test('gives up after connections without progress', async () => {
    const { daemon, connect } = await fakeDaemon();
    const dictation = Dictation.open({
      connect: async () => {
        const client = await connect();
        const cut = setInterval(() => {
          if ([...daemon.sessions.values()].length === 0) return;
          clearInterval(cut);
          daemon.breakAll();
        }, 2);
        return client;
      },
      reconnect: { firstPauseMs: 1, longestPauseMs: 4, giveUpMs: 200 },
    });
    expect((await all(dictation)).at(-1)).toMatchObject({ type: 'failed', error: { code: 'DAEMON_LOST' } });
  });

  test('reports the length limit of the daemon, and no lost connection', async () => {
    const { daemon, connect } = await fakeDaemon({ acknowledgeEvery: 8_000 });
    const dictation = Dictation.open({ connect });
    const events = all(dictation);
    dictation.push(rampFrom(0, 8_000));
    await until(() => dictation.acknowledgedSamples === 8_000);
    dictation.push(rampFrom(8_000, 24_000));
    const session = daemon.sessions.get(dictation.id);
    if (session === undefined) throw new Error('no session');
    const error = new SottoError(
      'DICTATION_TOO_LONG',
      'the dictation has ended: the limit is 12 hours',
    ).toWire();
    daemon.emit(session, { type: 'warning', error });
    daemon.emit(session, { type: 'final', text: '', durationSeconds: 0.5, model: 'fake', refined: false });
    const warnings = (await events).filter(({ type }) => type === 'warning');
    expect(warnings).toEqual([{ type: 'warning', error }]);
  });

  test('is finished by the daemon if its reader leaves', async () => {
    const { daemon, connect } = await fakeDaemon();
    const dictation = Dictation.open({ connect });
    dictation.push(rampFrom(0, 16_000));
    for await (const event of dictation.events()) if (event.type === 'committed') break;
    await until(() => daemon.sessions.get(dictation.id)?.over === true);
    expect(daemon.wrong).toEqual([]);
  });

  test('reports audio that was not transcribed if the daemon finished it alone', async () => {
    const { daemon, connect } = await fakeDaemon({ acknowledgeEvery: 8_000 });
    const dictation = Dictation.open({ connect, reconnect });
    const events = all(dictation);
    dictation.push(rampFrom(0, 8_000));
    await until(() => dictation.acknowledgedSamples === 8_000);
    dictation.push(rampFrom(8_000, 7_999));
    dictation.push(rampFrom(15_999, 24_000).slice(0, 1));
    const session = daemon.sessions.get(dictation.id);
    if (session === undefined) throw new Error('no session');
    dictation.push(rampFrom(16_000, 1_600));
    daemon.emit(session, {
      type: 'final',
      text: '',
      words: [],
      durationSeconds: 0.5,
      model: 'fake',
      refined: false,
    });
    expect((await events).slice(-2)).toMatchObject([
      {
        type: 'warning',
        error: { code: 'DAEMON_LOST', message: expect.stringContaining('0.6 s') as unknown },
      },
      { type: 'final' },
    ]);
  });

  test('reconnects if the daemon hangs', async () => {
    const { connect } = await fakeDaemon({ acknowledgeEvery: Infinity });
    const dictation = Dictation.open({ connect, reconnect: { ...reconnect, silentMs: 20 } });
    await dictation.ready;
    dictation.push(rampFrom(0, 100));
    const events: DictationEvent[] = [];
    for await (const event of dictation.events()) {
      events.push(event);
      if (event.type === 'connection') dictation.cancel();
    }
    expect(events).toContainEqual({ type: 'connection', state: 'lost' });
  });

  test('shares one connection with other dictations and requests', async () => {
    const { daemon, connect } = await fakeDaemon();
    const dictations = Array.from({ length: 8 }, () => Dictation.open({ connect, isShared: true }));
    const events = dictations.map(all);
    await Promise.all(dictations.map((dictation) => speak(dictation, [5_000, 5_000, 6_000])));
    for (const dictation of dictations) dictation.finish();
    for (const received of await Promise.all(events)) {
      expect(received.at(-1)).toMatchObject({ type: 'final', durationSeconds: 1 });
    }
    expect([daemon.connections, daemon.wrong]).toEqual([1, []]);
  });

  test('fails instead of filling the memory if the daemon reads nothing for too long', async () => {
    const dictation = Dictation.open(
      { connect: () => new Promise(() => undefined) },
      new SampleStore(16_000),
    );
    for (let i = 0; i < 20; i++) dictation.push(rampFrom(i * 1_600, 1_600));
    expect(await all(dictation)).toMatchObject([{ type: 'failed', error: { code: 'DAEMON_LOST' } }]);
  });

  test('drops sent audio first if the daemon reads but acknowledges nothing', async () => {
    const { daemon, connect } = await fakeDaemon({ acknowledgeEvery: 1_000_000 });
    const dictation = Dictation.open({ connect, reconnect }, new SampleStore(16_000));
    const events = all(dictation);
    await until(() => daemon.sessions.size === 1);
    for (let i = 0; i < 20; i++) {
      dictation.push(rampFrom(i * 1_600, 1_600));
      await until(() => (daemon.sessions.get(dictation.id)?.received ?? 0) === (i + 1) * 1_600);
    }
    dictation.finish();
    expect((await events).at(-1)).toMatchObject({ type: 'final', durationSeconds: 2 });
    expect(daemon.wrong).toEqual([]);
  });
});
