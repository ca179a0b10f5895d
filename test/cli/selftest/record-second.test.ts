/** Recording a second with sotto-mic, with a script instead of the system's devices. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { recordSecond } from '#daemon/cli/selftest/record-second.js';
import { scriptedMicrophone, type MicScript } from '#test/harness/scripted-microphone.js';

afterEach(() => {
  delete process.env.SOTTO_MIC;
  delete process.env.SOTTO_MIC_SCRIPT;
});

function record(script: MicScript, signal = new AbortController().signal) {
  Object.assign(process.env, scriptedMicrophone(script));
  return recordSecond(signal);
}

describe('recordSecond', () => {
  test('reports device and rate, and tells audio from zeros', async () => {
    const device = { type: 'recorded', device: 'Headset', rate: 48_000 };
    const script = { devices: ['Headset'], rate: 48_000, samples: 400_000, pauseMs: 0 };
    const sound = await record(script);
    expect(sound).toMatchObject({ ...device, firstAudioMs: expect.any(Number) as unknown });
    expect(sound.type === 'recorded' && sound.samples).toBeGreaterThanOrEqual(48_000);
    const zeros = await record({ ...script, silent: true });
    expect(zeros).toMatchObject({ ...device, peak: 0 });
    expect(zeros).not.toHaveProperty('firstSoundMs');
  });

  test('waits for the first audio of a headset that wakes up', async () => {
    const woken = await record({ zeros: 20_000, samples: 100_000, pauseMs: 0 });
    expect(woken).toMatchObject({ type: 'recorded', firstAudioMs: expect.any(Number) as unknown });
    expect(woken.type === 'recorded' && woken.samples).toBeGreaterThanOrEqual(20_000);
  });

  test('reports why the microphone can’t be opened', async () => {
    for (const [script, reason] of [
      [{ devices: [] }, 'none'],
      [{ denied: true }, 'denied'],
      [{ unopenable: true }, 'open'],
    ] as const)
      expect(await record(script)).toMatchObject({ type: 'failed', failure: { reason } });
  });

  test('fails if sotto-mic exits early, is missing or is killed', async () => {
    await expect(record({ samples: 100, pauseMs: 0, dies: true })).rejects.toMatchObject({
      code: 'MIC_UNAVAILABLE',
    });
    const stop = new AbortController();
    const recording = record({ neverOpens: true }, stop.signal);
    stop.abort();
    await expect(recording).rejects.toMatchObject({ code: 'CANCELLED' });
    process.env.SOTTO_MIC = '/none/sotto-mic';
    await expect(recordSecond(new AbortController().signal)).rejects.toMatchObject({
      code: 'MIC_UNAVAILABLE',
    });
  });
});
