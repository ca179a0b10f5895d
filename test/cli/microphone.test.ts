import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Microphone, type MicrophoneWaits } from '#daemon/cli/microphone/microphone.js';
import type { SottoError } from '#daemon/protocol/errors.js';
import { ramp } from '#test/harness/ramp.js';
import { until } from '#test/harness/wait.js';

const fakeMicrophone = fileURLToPath(new URL('../harness/fake-microphone.js', import.meta.url));

beforeEach(() => void (process.env.SOTTO_CAPTURE = fakeMicrophone));
afterEach(() => {
  delete process.env.SOTTO_CAPTURE;
  delete process.env.FAKE_MIC;
});

function microphone(script: object, waits: Partial<MicrophoneWaits> = {}): Microphone {
  process.env.FAKE_MIC = JSON.stringify(script);
  return new Microphone({ waits });
}

class Heard {
  readonly samples: number[] = [];
  end: 'end' | SottoError | undefined;
  readonly pcm = (samples: Int16Array): void => void this.samples.push(...samples);
  readonly failed = (error: SottoError): void => void (this.end = error);
  ended(): void {
    this.end = 'end';
  }
}

function listenTo(source: Microphone): Heard {
  const heard = new Heard();
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
    const source = microphone({ samples: 1_600, pauseMs: 0 }, { soundMs: 20 });
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
    'that would give %i samples a second is refused, with what to do, and not heard too slow or too fast',
    async (rate) => {
      await expect(microphone({ rate }).open()).rejects.toMatchObject({
        code: 'MIC_UNAVAILABLE',
        message: `the microphone gives ${rate} samples a second where 16000 are needed`,
        hint: 'choose another microphone: `sotto dictate --list-devices` names them',
      });
    },
  );

  test('that is there and can’t be opened says what to do', async () => {
    await expect(microphone({ unopenable: true }).open()).rejects.toMatchObject({
      code: 'MIC_UNAVAILABLE',
      message: "the microphone can't be opened: it failed to start.",
      hint: expect.stringContaining('choose another microphone') as unknown,
    });
  });

  test('that is not there at all says so', async () => {
    await expect(microphone({ unopenable: true, devices: [] }).open()).rejects.toMatchObject({
      code: 'MIC_UNAVAILABLE',
      message: "the microphone can't be opened: none is connected",
      hint: expect.stringContaining('a microphone is connected') as unknown,
    });
  });
});
