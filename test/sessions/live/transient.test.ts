import { readdirSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { VAD_FRAME_SAMPLES } from '#daemon/protocol/live.js';
import { rampText, SECOND } from '#test/harness/ramp.js';
import { until } from '#test/harness/wait.js';
import { withDaemons, EventCollector, speak, TOTAL } from './with-daemons.js';

const daemons = withDaemons();
const { daemon } = daemons;

describe('a transient session', () => {
  test('is not in the history, and its files are removed as soon as it is over', async () => {
    const { live, kept } = daemon();
    const collector = new EventCollector();
    const session = await live.open({ id: 'one', transient: true });
    live.setListener(session, collector.listener, 0);
    speak(session, 0, TOTAL);
    await session.kept();
    expect(readdirSync(daemons.folder)).toEqual(['one.spool']);
    session.finish(TOTAL);
    await until(() => collector.over !== undefined);
    expect(collector.over).toMatchObject({ type: 'final', text: rampText(TOTAL) });
    expect(kept).toEqual([]);
    await until(() => readdirSync(daemons.folder).length === 0);
  });

  test('can’t be resumed, nor restored by another daemon, which removes its files', async () => {
    const first = daemon();
    const session = await first.live.open({ id: 'one', transient: true });
    speak(session, 0, TOTAL);
    await session.kept();
    await expect(first.live.find('one')).rejects.toMatchObject({ code: 'SESSION_NOT_FOUND' });
    const second = daemon();
    await expect(second.live.find('one')).rejects.toMatchObject({ code: 'SESSION_NOT_FOUND' });
    await second.live.recover();
    expect(second.live.isIdle).toBe(true);
    expect(readdirSync(daemons.folder)).toEqual([]);
    expect([...first.kept, ...second.kept]).toEqual([]);
  });

  test('ends with its daemon', async () => {
    const { live, kept } = daemon();
    const session = await live.open({ id: 'one', transient: true });
    speak(session, 0, TOTAL);
    await live.stop(0);
    expect(readdirSync(daemons.folder)).toEqual([]);
    expect(kept).toEqual([]);
  });

  test('can be read up to its last sample', async () => {
    const { live } = daemon();
    const session = await live.open({ id: 'one', transient: true });
    speak(session, 0, TOTAL);
    const pcm = await session.read(SECOND, 2 * SECOND);
    expect(pcm.byteLength).toBe(2 * SECOND);
    expect((await session.read(TOTAL, TOTAL + 10)).byteLength).toBe(0);
    await live.stop(0);
  });
});

describe('a voice-only session', () => {
  test('reports each frame once and in order, whatever dies meanwhile, and transcribes nothing', async () => {
    const { engine, live } = daemon();
    const received: number[] = [];
    const collector = new EventCollector();
    const session = await live.open({
      id: 'one',
      transient: true,
      onVoice: (probabilities) => received.push(...probabilities),
    });
    live.setListener(session, collector.listener, 0);
    expect([live.count, live.transcribing]).toEqual([1, 0]);
    speak(session, 0, SECOND);
    await until(() => received.length > 0);
    engine.die();
    session.push(SECOND, new Uint8Array(2 * SECOND));
    engine.die();
    session.finish();
    await until(() => collector.over !== undefined);
    const voiced = Math.ceil(SECOND / VAD_FRAME_SAMPLES);
    const frames = Math.floor((2 * SECOND) / VAD_FRAME_SAMPLES);
    expect(received).toEqual([...Array<number>(voiced).fill(1), ...Array<number>(frames - voiced).fill(0)]);
    expect(collector.over).toMatchObject({ type: 'final', text: '' });
    expect(engine.requests.every(({ voiceOnly }) => voiceOnly === true)).toBe(true);
  });
});
