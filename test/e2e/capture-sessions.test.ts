/** What a dictation in the background is written down by: sessions that are changed, or lost. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { rampText, SECOND } from '#test/harness/ramp.js';
import { sotto } from '#test/harness/run-sotto.js';
import { until } from '#test/harness/wait.js';
import { captureHere, durations, endAfter, see } from './capture-here.js';

const here = captureHere();
const { begin, history, left, look } = here;

describe('the sessions of a dictation in the background', () => {
  test('in another language or by another model all that was said is written down again', async () => {
    const process = begin({ samples: 60 * SECOND, pauseMs: 20 }, '--keep-listening', '--language', 'en');
    const before = await see(await look(), ({ committed }) => committed.length > 20);
    const capture = await look();
    capture.switch({ language: 'de' });
    const after = await see(
      capture,
      ({ id, committed }) => id !== before.id && committed.length > before.committed.length,
    );
    expect(after.requested).toEqual({ language: 'de' });
    expect(after.committed.startsWith(before.committed)).toBe(true);
    const last = await look();
    const { text = '', seconds } = await endAfter(last, 'finish');
    expect(text).toBe(rampText(Math.round(seconds * SECOND)));
    await left(process);
    // The text in the other language is dropped with its session.
    expect((await history()).trim().split('\n')).toHaveLength(1);
  });

  test('a model that is not there changes nothing', async () => {
    const process = begin({ samples: 60 * SECOND, pauseMs: 20 }, '--keep-listening');
    const before = await see(await look(), ({ committed }) => committed !== '');
    const capture = await look();
    capture.switch({ model: 'of-the-moon' });
    const warned = await see(capture, ({ error }) => error !== undefined);
    expect(warned).toMatchObject({ id: before.id, phase: 'listening', error: { code: 'MODEL_NOT_FOUND' } });
    const last = await look();
    const { text = '', seconds } = await endAfter(last, 'finish');
    expect(text).toBe(rampText(Math.round(seconds * SECOND)));
    await left(process);
  });

  test('what was said to no daemon at all is kept, and written down by the next one', async () => {
    // No daemon can listen here.
    mkdirSync(dirname(here.paths.socket), { recursive: true });
    writeFileSync(here.paths.socket, '');
    const process = begin({ samples: 3 * SECOND }, '--keep-listening');
    // Nobody is cut off for that.
    const recordingOnly = await see(await look(), (dictation) => dictation.recordingOnly === true && dictation.seconds === 3);
    expect(recordingOnly.phase).toBe('listening');
    const capture = await look();
    const failed = await endAfter(capture, 'finish');
    expect(failed).toMatchObject({
      phase: 'failed',
      error: { hint: expect.stringContaining('kept') as unknown },
    });
    await left(process);
    rmSync(here.paths.socket);
    await sotto(['daemon', 'start'], { home: here.folder });
    await until(async () => (await history()).includes(rampText(3 * SECOND)));
  });

  test('what was said after a session was lost is taken up by the daemon that runs', async () => {
    await sotto(['daemon', 'start'], { home: here.folder, env: { FAKE_LIVE: 'zeros' } });
    const process = begin({ samples: 60 * SECOND, pauseMs: 20 }, '--keep-listening');
    const lost = await see(await look(), (dictation) => dictation.recordingOnly === true);
    const later = await see(await look(), ({ seconds }) => seconds > lost.seconds + 2);
    expect(later).toMatchObject({ phase: 'listening', error: { code: 'ENGINE_CRASHED' } });
    const capture = await look();
    expect((await endAfter(capture, 'finish')).phase).toBe('failed');
    await until(async () => durations(await history()).some((seconds) => seconds >= later.seconds));
    await left(process);
  });
});
