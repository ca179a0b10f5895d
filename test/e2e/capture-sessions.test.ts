/** The sessions of a background dictation, changed or lost. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { rampText, SECOND } from '#test/harness/ramp.js';
import { sotto } from '#test/harness/run-sotto.js';
import { until } from '#test/harness/wait.js';
import { withCapture, durations, requestAndWaitForEnd, waitForState } from './with-capture.js';

const captures = withCapture();
const { begin, history, expectStopped, attach } = captures;

describe('the sessions of a background dictation', () => {
  test('transcribe everything again in another language or with another model', async () => {
    const process = begin({ samples: 60 * SECOND, pauseMs: 20 }, '--keep-listening', '--language', 'en');
    const before = await waitForState(await attach(), ({ committed }) => committed.length > 20);
    const capture = await attach();
    capture.switch({ language: 'de' });
    const after = await waitForState(
      capture,
      ({ requested, committed }) => requested.language === 'de' && committed.length > before.committed.length,
    );
    expect(after).toMatchObject({ id: before.id, requested: { language: 'de' } });
    expect(after.committed.startsWith(before.committed)).toBe(true);
    const last = await attach();
    const { text = '', seconds } = await requestAndWaitForEnd(last, 'finish');
    expect(text).toBe(rampText(Math.round(seconds * SECOND)));
    await expectStopped(process);
    // The text in the other language is dropped.
    expect((await history()).trim().split('\n')).toHaveLength(1);
  });

  test('ignore a missing model', async () => {
    const process = begin({ samples: 60 * SECOND, pauseMs: 20 }, '--keep-listening');
    const before = await waitForState(await attach(), ({ committed }) => committed !== '');
    const capture = await attach();
    capture.switch({ model: 'of-the-moon' });
    const warned = await waitForState(capture, ({ error }) => error !== undefined);
    expect(warned).toMatchObject({ id: before.id, phase: 'listening', error: { code: 'MODEL_NOT_FOUND' } });
    const last = await attach();
    const { text = '', seconds } = await requestAndWaitForEnd(last, 'finish');
    expect(text).toBe(rampText(Math.round(seconds * SECOND)));
    await expectStopped(process);
  });

  test('that no daemon ever had are kept, and transcribed by the next one', async () => {
    // No daemon can listen here.
    mkdirSync(dirname(captures.paths.socket), { recursive: true });
    writeFileSync(captures.paths.socket, '');
    const process = begin({ samples: 3 * SECOND }, '--keep-listening');
    // The dictation is not cut off for that.
    const recordingOnly = await waitForState(
      await attach(),
      (dictation) => dictation.recordingOnly === true && dictation.seconds === 3,
    );
    expect(recordingOnly.phase).toBe('listening');
    const capture = await attach();
    const failed = await requestAndWaitForEnd(capture, 'finish');
    expect(failed).toMatchObject({
      phase: 'failed',
      error: { hint: expect.stringContaining('saved') as unknown },
    });
    await expectStopped(process);
    rmSync(captures.paths.socket);
    await sotto(['daemon', 'start'], { home: captures.folder });
    await until(async () => (await history()).includes(rampText(3 * SECOND)));
  });

  test('that were lost leave the later audio to the running daemon', async () => {
    await sotto(['daemon', 'start'], { home: captures.folder, env: { FAKE_LIVE: 'zeros' } });
    const process = begin({ samples: 60 * SECOND, pauseMs: 20 }, '--keep-listening');
    const lost = await waitForState(await attach(), (dictation) => dictation.recordingOnly === true);
    const later = await waitForState(await attach(), ({ seconds }) => seconds > lost.seconds + 2);
    expect(later).toMatchObject({ phase: 'listening', error: { code: 'ENGINE_CRASHED' } });
    const capture = await attach();
    expect((await requestAndWaitForEnd(capture, 'finish')).phase).toBe('failed');
    await until(async () => durations(await history()).some((seconds) => seconds >= later.seconds));
    await expectStopped(process);
  });
});
