/** Cancelling a dictation while its daemon runs, hangs, dies or is missing. */
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { Dictation, SottoClient } from '#daemon/client/index.js';
import { SottoError } from '#daemon/protocol/errors.js';
import { until } from '#test/harness/wait.js';
import { all, withFakeDaemons, rampFrom, reconnect } from './with-fake-daemons.js';
import { FakeLiveDaemon } from './fake-live-daemon.js';

const here = withFakeDaemons();
const { fakeDaemon } = here;

describe('a cancelled dictation', () => {
  test('ends as cancelled with and without a daemon', async () => {
    const { daemon, connect } = await fakeDaemon();
    const dictation = Dictation.open({ connect });
    const events = all(dictation);
    dictation.push(rampFrom(0, 1_600));
    await until(() => daemon.sessions.get(dictation.id)?.received === 1_600);
    dictation.cancel();
    dictation.push(rampFrom(1_600, 1_600));
    expect((await events).at(-1)).toEqual({ type: 'cancelled' });
    const never = Dictation.open({ connect: () => new Promise(() => undefined) });
    never.cancel();
    expect(await all(never)).toEqual([{ type: 'cancelled' }]);
  });

  test('ends soon without a daemon, and the next daemon gets the discard', async () => {
    const { daemon, connect } = await fakeDaemon({ acknowledgeEvery: 100 });
    const unacknowledged: string[] = [];
    let isDown = false;
    const dictation = Dictation.open({
      connect: () =>
        isDown ? Promise.reject(new SottoError('DAEMON_UNAVAILABLE', 'the daemon isn’t running')) : connect(),
      reconnect,
      onUnacknowledgedCancel: (id) => unacknowledged.push(id),
    });
    const events = all(dictation);
    dictation.push(rampFrom(0, 1_600));
    await until(() => dictation.acknowledgedSamples === 1_600);
    isDown = true;
    daemon.breakAll();
    await until(() => daemon.open === 0);
    dictation.cancel();
    expect(unacknowledged).toEqual([dictation.id]);
    // Longer than the cancel timeout.
    expect((await events).at(-1)).toEqual({ type: 'cancelled' });
    expect(daemon.discarded).toEqual([]);
    isDown = false;
    await until(() => daemon.discarded.length > 0);
    expect([daemon.discarded, daemon.sessions.size, daemon.wrong]).toEqual([[dictation.id], 0, []]);
    expect(unacknowledged).toHaveLength(1);
    await until(() => daemon.open === 0);
  });

  test('is discarded if the daemon hangs, dies, or has already finished it', async () => {
    const cases: readonly ((daemon: FakeLiveDaemon, id: string) => void)[] = [
      () => undefined,
      (daemon) => daemon.breakAll(),
      (daemon, id) => {
        const session = daemon.sessions.get(id);
        const final = {
          type: 'final',
          text: 'x',
          durationSeconds: 0.1,
          model: 'fake',
          refined: false,
        } as const;
        if (session !== undefined) daemon.emit(session, final);
      },
    ];
    for (const happens of cases) {
      const { daemon, connect } = await fakeDaemon({ deaf: ({ type }) => type === 'cancel' });
      const dictation = Dictation.open({ connect, reconnect });
      const events = all(dictation);
      dictation.push(rampFrom(0, 1_600));
      await until(() => daemon.sessions.get(dictation.id)?.received === 1_600);
      dictation.cancel();
      happens(daemon, dictation.id);
      const received = await events;
      expect(received.at(-1)).toEqual({ type: 'cancelled' });
      expect(received.some(({ type }) => type === 'final')).toBe(false);
      await until(() => daemon.discarded.includes(dictation.id));
      expect(daemon.sessions.has(dictation.id)).toBe(false);
    }
  });

  test('is not finished if its reader leaves at once', async () => {
    const { daemon, connect } = await fakeDaemon({ deaf: ({ type }) => type === 'cancel' });
    const dictation = Dictation.open({ connect, reconnect });
    dictation.push(rampFrom(0, 16_000));
    for await (const event of dictation.events()) {
      if (event.type !== 'committed') continue;
      dictation.cancel();
      break;
    }
    await until(() => daemon.discarded.includes(dictation.id));
    expect([daemon.sessions.size, daemon.wrong]).toEqual([0, []]);
  });

  test('leaves no marker and no late connection if no daemon was reached yet', async () => {
    const path = join(here.folder, 'later');
    const daemon = await FakeLiveDaemon.listen(path);
    here.closesAfter(daemon);
    let letGo: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (letGo = resolve));
    const unacknowledged: string[] = [];
    const connect = () => held.then(() => SottoClient.connect(path, 'test'));
    const dictation = Dictation.open({ connect, onUnacknowledgedCancel: (id) => unacknowledged.push(id) });
    dictation.push(rampFrom(0, 1_600));
    dictation.cancel();
    expect(await all(dictation)).toEqual([{ type: 'cancelled' }]);
    letGo();
    await until(() => daemon.connections === 1 && daemon.open === 0);
    expect([unacknowledged, daemon.discarded, daemon.sessions.size]).toEqual([[], [], 0]);
  });
});
