import { afterEach, describe, expect, test } from '@jest/globals';
import {
  listMicrophones,
  Microphone,
  type MicrophoneTimeouts,
} from '#daemon/capture/microphone/microphone.js';
import { StandbyMicrophone } from '#daemon/capture/microphone/standby.js';
import type { SottoError } from '#daemon/protocol/errors.js';
import { ramp, SECOND } from '#test/harness/ramp.js';
import { scriptedMicrophone, type MicScript } from '#test/harness/scripted-microphone.js';
import { until } from '#test/harness/wait.js';

afterEach(() => {
  delete process.env.SOTTO_MIC;
  delete process.env.SOTTO_MIC_SCRIPT;
});

function scriptMicrophone(script: MicScript): void {
  Object.assign(process.env, scriptedMicrophone(script));
}

function microphone(script: MicScript, timeouts: Partial<MicrophoneTimeouts> = {}): Microphone {
  scriptMicrophone(script);
  return new Microphone({ timeouts });
}

class Received {
  readonly samples: number[] = [];
  end: 'end' | SottoError | undefined;
  readonly pcm = (samples: Int16Array): void => void this.samples.push(...samples);
  readonly failed = (error: SottoError): void => void (this.end = error);
  ended(): void {
    this.end = 'end';
  }
}

function listenTo(source: Microphone): Received {
  const received = new Received();
  source.start({ pcm: received.pcm, failed: received.failed, end: () => received.ended() });
  return received;
}

describe('the microphone', () => {
  test('delivers every sample, and the end when it is stopped', async () => {
    const source = microphone({ samples: 5_001, pauseMs: 0 });
    expect(await source.open()).toEqual({ name: 'Built-in Microphone' });
    const received = listenTo(source);
    await until(() => received.samples.length === 5_001);
    source.stop();
    await until(() => received.end !== undefined);
    expect(received.end).toBe('end');
    expect(received.samples).toEqual([...ramp(0, 5_001)]);
  });

  test('buffers audio until there is a listener', async () => {
    const source = microphone({ samples: 3_200, pauseMs: 0 });
    await source.open();
    await new Promise((resolve) => setTimeout(resolve, 100));
    const received = listenTo(source);
    await until(() => received.samples.length === 3_200);
    source.stop();
    await until(() => received.end === 'end');
  });

  test('that never opens fails with a code', async () => {
    await expect(microphone({ neverOpens: true }, { openMs: 20 }).open()).rejects.toMatchObject({
      code: 'MIC_UNAVAILABLE',
      message: expect.stringContaining('not responding') as unknown,
    });
  });

  test('that stops delivering audio fails with a code, after what it delivered', async () => {
    const source = microphone({ samples: 1_600, pauseMs: 0 }, { audioMs: 20 });
    await source.open();
    const received = listenTo(source);
    await until(() => received.end !== undefined);
    expect(received.end).toMatchObject({
      code: 'MIC_UNAVAILABLE',
      message: 'no audio comes from the microphone',
    });
    expect(received.samples).toHaveLength(1_600);
  });

  test('that does not stop is killed', async () => {
    const source = microphone({ deaf: true, pauseMs: 0 }, { stopMs: 20 });
    await source.open();
    const received = listenTo(source);
    await until(() => received.samples.length > 0);
    source.stop();
    await until(() => received.end === 'end');
  });

  test('that the system denies says so', async () => {
    await expect(microphone({ denied: true }).open()).rejects.toMatchObject({ code: 'MIC_DENIED' });
  });

  test.each([8_000, 44_100, 48_000])(
    'at %i samples a second arrives at 16 kHz, with the same duration',
    async (rate) => {
      const source = microphone({ rate, samples: 2 * rate, pauseMs: 0 });
      await source.open();
      const received = listenTo(source);
      // Except for what the resampler buffers until the end.
      await until(() => received.samples.length > 1.9 * SECOND);
      source.stop();
      await until(() => received.end === 'end');
      expect(received.samples).toHaveLength(2 * SECOND);
    },
  );

  test.each([
    ['reports it', { lost: true }],
    ['doesn’t report it', { vanishes: true }],
  ])('that is lost is reported if the system %s, after all its audio', async (_, how) => {
    // No timeout of this process: sotto-mic reports the loss.
    const source = microphone({ samples: 4_000, pauseMs: 0, ...how }, { audioMs: 600_000 });
    await source.open();
    const received = listenTo(source);
    await until(() => received.end !== undefined);
    expect(received.end).toMatchObject({
      code: 'MIC_UNAVAILABLE',
      message: 'the microphone was disconnected',
    });
    expect(received.samples).toEqual([...ramp(0, 4_000)]);
  });

  test('that the system moves to another device continues without a gap', async () => {
    const source = microphone({ samples: 3_200, pauseMs: 0, movesTo: 'Headset' });
    // It may move before its name is read.
    expect(['Built-in Microphone', 'Headset']).toContain((await source.open()).name);
    const received = listenTo(source);
    await until(() => received.samples.length === 6_400);
    source.stop();
    await until(() => received.end === 'end');
    expect(received.samples).toEqual([...ramp(0, 6_400)]);
  });

  test('that delivers zeros because the system denies it says so', async () => {
    const source = microphone({ silent: true, samples: 2 * SECOND, pauseMs: 0, forbidden: true });
    await source.open();
    const received = listenTo(source);
    await until(() => received.end !== undefined);
    expect(received.end).toMatchObject({ code: 'MIC_DENIED' });
  });

  test('that delivers zeros and is allowed continues', async () => {
    const source = microphone({ silent: true, samples: 3 * SECOND, pauseMs: 0 });
    await source.open();
    const received = listenTo(source);
    await until(() => received.samples.length === 3 * SECOND);
    source.stop();
    await until(() => received.end === 'end');
  });

  test('is chosen by name or number, with the system default as an optional fallback', async () => {
    const devices = ['Built-in', 'USB', 'Head "Set" \\ 2'];
    scriptMicrophone({ devices });
    const nameOf = async (device: string, orDefault = false): Promise<unknown> => {
      const source = new Microphone({ device, orDefault });
      const opened = await source.open().finally(() => source.stop());
      return opened;
    };
    expect(await listMicrophones()).toEqual(devices);
    expect(await nameOf('usb')).toEqual({ name: 'USB' });
    expect(await nameOf('2')).toEqual({ name: devices[2] });
    expect(await nameOf('AirPods', true)).toEqual({ name: 'Built-in', fallbackFor: 'AirPods' });
    await expect(nameOf('AirPods')).rejects.toMatchObject({
      code: 'MIC_UNAVAILABLE',
      message: 'no microphone matches AirPods',
    });
  });

  test('reports a missing program with a hint', async () => {
    process.env.SOTTO_MIC = '/nowhere/sotto-mic';
    await expect(new Microphone().open()).rejects.toMatchObject({
      code: 'MIC_UNAVAILABLE',
      message: 'the microphone program sotto-mic is missing',
      hint: expect.stringContaining('reinstall Sotto') as unknown,
    });
  });

  test('that was prepared opens without another process', async () => {
    scriptMicrophone({ samples: 1_600 });
    const standby = new StandbyMicrophone();
    standby.prepare();
    // From now on, no process can be started.
    process.env.SOTTO_MIC = '/nowhere/sotto-mic';
    const source = new Microphone({ standby });
    expect(await source.open()).toEqual({ name: 'Built-in Microphone' });
    const received = listenTo(source);
    await until(() => received.samples.length === 1_600);
    source.stop();
    await until(() => received.end === 'end');
    expect(standby.handOver()).toBeUndefined();
  });

  test('that can’t be opened reports a hint', async () => {
    await expect(microphone({ unopenable: true }).open()).rejects.toMatchObject({
      code: 'MIC_UNAVAILABLE',
      message: 'can’t open the microphone: failed to open backend device',
      hint: expect.stringContaining('choose another microphone') as unknown,
    });
  });

  test('that isn’t connected says so', async () => {
    await expect(microphone({ unopenable: true, devices: [] }).open()).rejects.toMatchObject({
      code: 'MIC_UNAVAILABLE',
      message: 'can’t open the microphone: none is connected',
      hint: expect.stringContaining('a microphone is connected') as unknown,
    });
  });
});
