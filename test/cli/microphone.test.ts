import { afterEach, describe, expect, test } from '@jest/globals';
import { listMicrophones, Microphone, type MicrophoneTimeouts } from '#daemon/cli/microphone/microphone.js';
import { StandbyMicrophone } from '#daemon/cli/microphone/standby.js';
import type { SottoError } from '#daemon/protocol/errors.js';
import { ramp, SECOND } from '#test/harness/ramp.js';
import { scriptedMicrophone, type MicScript } from '#test/harness/scripted-microphone.js';
import { until } from '#test/harness/wait.js';

afterEach(() => {
  delete process.env.SOTTO_MIC;
  delete process.env.SOTTO_MIC_SCRIPT;
});

function hears(script: MicScript): void {
  Object.assign(process.env, scriptedMicrophone(script));
}

function microphone(script: MicScript, timeouts: Partial<MicrophoneTimeouts> = {}): Microphone {
  hears(script);
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
  const heard = new Received();
  source.start({ pcm: heard.pcm, failed: heard.failed, end: () => heard.ended() });
  return heard;
}

describe('the microphone', () => {
  test('gives every sample, and when it is stopped the end', async () => {
    const source = microphone({ samples: 5_001, pauseMs: 0 });
    expect(await source.open()).toEqual({ name: 'Built-in Microphone' });
    const heard = listenTo(source);
    await until(() => heard.samples.length === 5_001);
    source.stop();
    await until(() => heard.end !== undefined);
    expect(heard.end).toBe('end');
    expect(heard.samples).toEqual([...ramp(0, 5_001)]);
  });

  test('keeps what it hears until somebody listens', async () => {
    const source = microphone({ samples: 3_200, pauseMs: 0 });
    await source.open();
    await new Promise((resolve) => setTimeout(resolve, 100));
    const heard = listenTo(source);
    await until(() => heard.samples.length === 3_200);
    source.stop();
    await until(() => heard.end === 'end');
  });

  test('that never opens fails with a code', async () => {
    await expect(microphone({ neverOpens: true }, { openMs: 20 }).open()).rejects.toMatchObject({
      code: 'MIC_UNAVAILABLE',
      message: expect.stringContaining('does not answer') as unknown,
    });
  });

  test('that gives no sound any more fails with a code, after what it gave', async () => {
    const source = microphone({ samples: 1_600, pauseMs: 0 }, { audioMs: 20 });
    await source.open();
    const heard = listenTo(source);
    await until(() => heard.end !== undefined);
    expect(heard.end).toMatchObject({
      code: 'MIC_UNAVAILABLE',
      message: 'no sound comes from the microphone',
    });
    expect(heard.samples).toHaveLength(1_600);
  });

  test('that does not stop is cut off', async () => {
    const source = microphone({ deaf: true, pauseMs: 0 }, { stopMs: 20 });
    await source.open();
    const heard = listenTo(source);
    await until(() => heard.samples.length > 0);
    source.stop();
    await until(() => heard.end === 'end');
  });

  test('that the system refuses says so', async () => {
    await expect(microphone({ denied: true }).open()).rejects.toMatchObject({ code: 'MIC_DENIED' });
  });

  test.each([8_000, 44_100, 48_000])(
    'of %i samples a second arrives at 16 kHz, as much as was said',
    async (rate) => {
      const source = microphone({ rate, samples: 2 * rate, pauseMs: 0 });
      await source.open();
      const heard = listenTo(source);
      // But for what the resampler holds until the end.
      await until(() => heard.samples.length > 1.9 * SECOND);
      source.stop();
      await until(() => heard.end === 'end');
      expect(heard.samples).toHaveLength(2 * SECOND);
    },
  );

  test.each([
    ['says so', { lost: true }],
    ['says nothing', { vanishes: true }],
  ])('that is lost is told of by itself where the system %s, after all that it gave', async (_, how) => {
    // No alarm of this process: what is told comes from sotto-mic.
    const source = microphone({ samples: 4_000, pauseMs: 0, ...how }, { audioMs: 600_000 });
    await source.open();
    const heard = listenTo(source);
    await until(() => heard.end !== undefined);
    expect(heard.end).toMatchObject({
      code: 'MIC_UNAVAILABLE',
      message: 'the microphone was disconnected',
    });
    expect(heard.samples).toEqual([...ramp(0, 4_000)]);
  });

  test('that the system moves to another device continues without a gap', async () => {
    const source = microphone({ samples: 3_200, pauseMs: 0, movesTo: 'Headset' });
    // It may move before its name is read.
    expect(['Built-in Microphone', 'Headset']).toContain((await source.open()).name);
    const heard = listenTo(source);
    await until(() => heard.samples.length === 6_400);
    source.stop();
    await until(() => heard.end === 'end');
    expect(heard.samples).toEqual([...ramp(0, 6_400)]);
  });

  test('that gives zeros because the system forbids it says so', async () => {
    const source = microphone({ silent: true, samples: 2 * SECOND, pauseMs: 0, forbidden: true });
    await source.open();
    const heard = listenTo(source);
    await until(() => heard.end !== undefined);
    expect(heard.end).toMatchObject({ code: 'MIC_DENIED' });
  });

  test('that gives zeros and is allowed continues', async () => {
    const source = microphone({ silent: true, samples: 3 * SECOND, pauseMs: 0 });
    await source.open();
    const heard = listenTo(source);
    await until(() => heard.samples.length === 3 * SECOND);
    source.stop();
    await until(() => heard.end === 'end');
  });

  test('is chosen by name or number, and the system’s own taken where it may be', async () => {
    const devices = ['Built-in', 'Desk', 'Head "Set" \\ 2'];
    hears({ devices });
    const nameOf = async (device: string, orDefault = false): Promise<unknown> => {
      const source = new Microphone({ device, orDefault });
      const opened = await source.open().finally(() => source.stop());
      return opened;
    };
    expect(await listMicrophones()).toEqual(devices);
    expect(await nameOf('desk')).toEqual({ name: 'Desk' });
    expect(await nameOf('2')).toEqual({ name: devices[2] });
    expect(await nameOf('AirPods', true)).toEqual({ name: 'Built-in', fallbackFor: 'AirPods' });
    await expect(nameOf('AirPods')).rejects.toMatchObject({
      code: 'MIC_UNAVAILABLE',
      message: 'there is no microphone called AirPods',
    });
  });

  test('whose program is missing says what to do', async () => {
    process.env.SOTTO_MIC = '/nowhere/sotto-mic';
    await expect(new Microphone().open()).rejects.toMatchObject({
      code: 'MIC_UNAVAILABLE',
      message: 'Sotto’s program for the microphone is missing',
      hint: expect.stringContaining('install Sotto again') as unknown,
    });
  });

  test('that was prepared opens without another process', async () => {
    hears({ samples: 1_600 });
    const standby = new StandbyMicrophone();
    standby.prepare();
    // Whatever is started from now on is not there.
    process.env.SOTTO_MIC = '/nowhere/sotto-mic';
    const source = new Microphone({ standby });
    expect(await source.open()).toEqual({ name: 'Built-in Microphone' });
    const heard = listenTo(source);
    await until(() => heard.samples.length === 1_600);
    source.stop();
    await until(() => heard.end === 'end');
    expect(standby.handOver()).toBeUndefined();
  });

  test('that is there and can’t be opened says what to do', async () => {
    await expect(microphone({ unopenable: true }).open()).rejects.toMatchObject({
      code: 'MIC_UNAVAILABLE',
      message: 'the microphone can’t be opened: failed to open backend device',
      hint: expect.stringContaining('choose another microphone') as unknown,
    });
  });

  test('that is not there at all says so', async () => {
    await expect(microphone({ unopenable: true, devices: [] }).open()).rejects.toMatchObject({
      code: 'MIC_UNAVAILABLE',
      message: 'the microphone can’t be opened: none is connected',
      hint: expect.stringContaining('a microphone is connected') as unknown,
    });
  });
});
