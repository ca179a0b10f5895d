/** Sessions whose client writes the audio to their file. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { LocalRecording } from '#daemon/capture/local-recording.js';
import type { LiveSession } from '#daemon/sessions/live/live-session.js';
import { ramp, rampText, SECOND } from '#test/harness/ramp.js';
import { until } from '#test/harness/wait.js';
import { withDaemons, EventCollector, speak } from './with-daemons.js';

const daemons = withDaemons();
const { daemon } = daemons;
/** More than the engine gets at once, and no whole number of seconds. */
const RECORDED = 47.3 * SECOND;

/** A recording and its session, with a client that listens. */
async function recordedSession(first: ReturnType<typeof daemon>, samples: number) {
  const recording = new LocalRecording(daemons.folder);
  recording.append(ramp(0, samples));
  const session = await first.live.open({ id: recording.id, hasRecording: true });
  recording.handOver();
  const collector = new EventCollector();
  first.live.setListener(session, collector.listener, 0);
  const record = (until: number): void => {
    recording.append(ramp(recording.end, until));
    session.recorded(until);
  };
  return { recording, session, collector, record };
}

function path(session: LiveSession): string {
  return join(daemons.folder, `${session.id}.spool`);
}

describe('a session whose client writes its file', () => {
  test('transcribes what the client recorded before and after it was opened, and removes the file', async () => {
    const first = daemon();
    const { session, collector, record } = await recordedSession(first, 2.5 * SECOND);
    expect(session.acknowledged).toBe(2.5 * SECOND);
    record(3 * SECOND);
    await until(() => collector.acknowledged === 3 * SECOND);
    record(RECORDED);
    session.finish(RECORDED);
    await until(() => collector.over !== undefined);
    expect(collector.over).toMatchObject({ type: 'final', text: rampText(RECORDED) });
    // Written once: there is one file with the audio.
    expect(readdirSync(daemons.folder).filter((name) => !name.endsWith('.events'))).toEqual([
      `${session.id}.spool`,
    ]);
    first.clock.advance(10_000);
    await until(() => readdirSync(daemons.folder).length === 0);
  });

  test('ends with all that is in the file if the client dies, also without a notice', async () => {
    const first = daemon();
    const { session, collector, recording } = await recordedSession(first, 2 * SECOND);
    recording.append(ramp(2 * SECOND, RECORDED));
    first.live.removeListener(session, collector.listener);
    first.clock.advance(1_000);
    await until(() => first.kept.length === 1);
    expect(first.kept[0]?.result).toMatchObject({ text: rampText(RECORDED), durationSeconds: 47.3 });
  });

  test('is recovered with all that is in the file if the daemon dies, too', async () => {
    const first = daemon();
    const { recording, collector } = await recordedSession(first, 2 * SECOND);
    await until(() => collector.committed !== '');
    await first.live.stop(0);
    recording.append(ramp(2 * SECOND, RECORDED));
    const second = daemon();
    await second.live.recover();
    second.clock.advance(5_000);
    await until(() => second.kept.length === 1);
    expect(second.kept[0]?.result).toMatchObject({ state: 'recovered', text: rampText(RECORDED) });
  });

  test('is continued by a client that resumes at another daemon', async () => {
    const first = daemon();
    const { recording, collector } = await recordedSession(first, 2 * SECOND);
    await first.live.stop(0);
    recording.append(ramp(2 * SECOND, 3 * SECOND));
    const second = daemon();
    const session = await second.live.find(recording.id);
    second.live.setListener(session, collector.listener, collector.seq);
    expect(session.acknowledged).toBe(3 * SECOND);
    recording.append(ramp(3 * SECOND, RECORDED));
    session.recorded(RECORDED);
    session.finish(RECORDED);
    await until(() => collector.over !== undefined);
    expect(collector.over).toMatchObject({ type: 'final', text: rampText(RECORDED) });
  });

  test('gets as messages what the client can’t write, and writes it', async () => {
    const { session, collector } = await recordedSession(daemon(), 2 * SECOND);
    speak(session, 2 * SECOND, 3 * SECOND);
    await until(() => collector.acknowledged === 3 * SECOND);
    session.finish(3 * SECOND);
    await until(() => collector.over !== undefined);
    expect(collector.over).toMatchObject({ type: 'final', text: rampText(3 * SECOND) });
  });

  test('fails if the file has less than the client says', async () => {
    const { session, collector } = await recordedSession(daemon(), SECOND);
    session.recorded(2 * SECOND);
    await until(() => collector.over !== undefined);
    expect(collector.over).toMatchObject({ type: 'failed', error: { code: 'SPOOL_FAILED' } });
  });

  test('accepts no audio after its end, and ignores a repeated notice', async () => {
    const first = daemon();
    first.engine.die({ restarts: false });
    const { session, collector, record } = await recordedSession(first, SECOND);
    record(2 * SECOND);
    session.recorded(SECOND);
    session.finish(2 * SECOND);
    expect(() => session.recorded(3 * SECOND)).toThrow(expect.objectContaining({ code: 'PROTOCOL' }));
    first.engine.start();
    await until(() => collector.over !== undefined);
    expect(collector.over).toMatchObject({ type: 'final', text: rampText(2 * SECOND) });
  });

  test('can’t be opened without its recording', async () => {
    const { live } = daemon();
    await expect(live.open({ id: 'one', hasRecording: true })).rejects.toMatchObject({
      code: 'SPOOL_FAILED',
    });
    expect(live.count).toBe(0);
  });

  test('leaves nothing when it is cancelled', async () => {
    const { session, recording } = await recordedSession(daemon(), SECOND);
    session.cancel();
    await until(() => readdirSync(daemons.folder).length === 0);
    // Its client still has the file open, and can restore the dictation from it.
    recording.append(ramp(SECOND, 2 * SECOND));
    recording.reclaim(false);
    expect(existsSync(join(daemons.folder, `${recording.id}.unsent`))).toBe(true);
    recording.remove();
    expect(existsSync(path(session))).toBe(false);
  });
});

describe('a session that is switched to other settings', () => {
  const german = { options: { language: 'de' } };

  test('is transcribed again from the first sample, and what was committed before no longer counts', async () => {
    const first = daemon();
    const { session, collector, record } = await recordedSession(first, 3 * SECOND);
    await until(() => collector.committed === rampText(3 * SECOND));
    await first.live.switch(session, 1, { model: '/models/other', ...german });
    await until(() => collector.numbered.some((event) => event.type === 'switched' && event.request === 1));
    expect(first.engine.requests.at(-1)).toMatchObject({
      fromSample: 0,
      model: { dir: '/models/other' },
      options: { language: 'de' },
    });
    record(4 * SECOND);
    session.finish(4 * SECOND);
    await until(() => collector.over !== undefined);
    expect(collector.over).toMatchObject({ type: 'final', text: rampText(4 * SECOND) });
    // Committed twice, once for each.
    expect(collector.committed.startsWith(rampText(3 * SECOND) + rampText(1 * SECOND))).toBe(true);
  });

  test('is recovered with them', async () => {
    const first = daemon();
    const { recording, session, collector } = await recordedSession(first, 3 * SECOND);
    await first.live.switch(session, 1, { model: '/models/other', ...german });
    await until(() => collector.numbered.at(-1)?.type === 'committed');
    await first.live.stop(0);
    const second = daemon();
    await second.live.recover();
    expect(second.engine.requests).toMatchObject([
      { model: { dir: '/models/other' }, options: { language: 'de' } },
    ]);
    const again = await second.live.find(recording.id);
    again.finish(3 * SECOND);
    await until(() => second.kept.length === 1);
    expect(second.kept[0]?.result).toMatchObject({ text: rampText(3 * SECOND) });
  });

  test('continues as before if their model is missing, or does not load', async () => {
    const first = daemon();
    const { session, collector, record } = await recordedSession(first, 2 * SECOND);
    await until(() => collector.committed !== '');
    await first.live.switch(session, 1, { model: 'none' });
    await until(() => collector.numbered.at(-1)?.type === 'switch-failed');
    expect(collector.numbered.at(-1)).toMatchObject({ request: 1, error: { code: 'MODEL_NOT_FOUND' } });
    first.engine.failNext('MODEL_CORRUPT');
    await first.live.switch(session, 2, german);
    await until(() => collector.numbered.filter(({ type }) => type === 'switch-failed').length === 2);
    expect(collector.numbered.at(-1)).toMatchObject({ request: 2, error: { code: 'MODEL_CORRUPT' } });
    record(RECORDED);
    session.finish(RECORDED);
    await until(() => collector.over !== undefined);
    expect(collector.over).toMatchObject({ type: 'final', text: rampText(RECORDED) });
    expect(collector.committed).toBe(rampText(RECORDED));
  });

  test('ends with the settings of the last switch, although it was finished before their model was ready', async () => {
    const first = daemon();
    const { session, collector } = await recordedSession(first, 2 * SECOND);
    await until(() => collector.committed !== '');
    first.engine.holdNext();
    await first.live.switch(session, 1, { model: '/models/first' });
    first.engine.holdNext();
    await first.live.switch(session, 2, { model: '/models/second' });
    session.finish(2 * SECOND);
    first.engine.release();
    await until(() => collector.over !== undefined);
    expect(collector.numbered.filter(({ type }) => type === 'switched')).toMatchObject([
      { request: 0 },
      { request: 2 },
    ]);
    expect(collector.over).toMatchObject({ type: 'final', text: rampText(2 * SECOND) });
    expect(first.engine.size).toBe(0);
  });

  test('is finished by the settings before if those fail then', async () => {
    const first = daemon();
    const { session, collector } = await recordedSession(first, 2 * SECOND);
    await until(() => collector.committed !== '');
    first.engine.holdNext();
    first.engine.failNext('MODEL_CORRUPT');
    await first.live.switch(session, 1, { model: '/models/first' });
    session.finish(2 * SECOND);
    first.engine.release();
    await until(() => collector.over !== undefined);
    expect(collector.over).toMatchObject({ type: 'final', text: rampText(2 * SECOND) });
  });

  test('continues after a crash of the engine, before and after', async () => {
    const first = daemon();
    const { session, collector } = await recordedSession(first, 2 * SECOND);
    first.engine.holdNext();
    await first.live.switch(session, 1, german);
    first.engine.die();
    await until(() => collector.numbered.some((event) => event.type === 'switched' && event.request === 1));
    first.engine.die();
    session.finish(2 * SECOND);
    await until(() => collector.over !== undefined);
    expect(collector.over).toMatchObject({ type: 'final', text: rampText(2 * SECOND) });
  });
});
