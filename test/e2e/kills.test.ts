/**
 * Kills of real processes: daemon, engine process and client are real, but the engine runs a fake model, whose text
 * is a checksum of its samples. `npm run bench -- kills --real 20` kills engines with a real model.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { flaw, RestartingDaemon, speakRamp } from '#test/harness/restarting-daemon.js';

// `npm run bench -- kills` does the same 200 times.
let daemon: RestartingDaemon;
beforeEach(() => void (daemon = new RestartingDaemon()));
afterEach(() => daemon.end());

describe('dictation', () => {
  test('loses no sample and repeats none when its engine is killed', async () => {
    await daemon.ready();
    const speakers = [speakRamp(daemon, 3.7), speakRamp(daemon, 2.9)];
    await sleep(1100);
    expect(await daemon.killEngine()).toBe(true);
    expect((await Promise.all(speakers)).map(flaw)).toEqual([undefined, undefined]);
  });

  test('loses no sample and repeats none when the daemon is killed', async () => {
    await daemon.ready();
    const speakers = [speakRamp(daemon, 3.7), speakRamp(daemon, 2.9)];
    await sleep(1600);
    daemon.killDaemon();
    expect((await Promise.all(speakers)).map(flaw)).toEqual([undefined, undefined]);
    expect(daemon.deaths).toBe(1);
  });
});
