import { describe, expect, test } from '@jest/globals';
import { ReconnectingSource } from '#daemon/capture/reconnecting-source.js';
import type { AudioSourceInfo, AudioSource, SourceListener } from '#daemon/capture/audio-source.js';
import { SottoError } from '#daemon/protocol/errors.js';
import { VirtualClock } from '#test/harness/virtual-clock.js';

/** A fake source that is controlled by the test. */
class Puppet implements AudioSource {
  readonly isLive = true;
  readonly isRealTime = true;
  isStopped = false;
  listener: SourceListener | undefined;
  readonly #opened: AudioSourceInfo | SottoError;

  constructor(opened: AudioSourceInfo | SottoError) {
    this.#opened = opened;
  }

  open(): Promise<AudioSourceInfo> {
    return this.#opened instanceof SottoError ? Promise.reject(this.#opened) : Promise.resolve(this.#opened);
  }

  start(listener: SourceListener): void {
    this.listener = listener;
  }

  stop(): void {
    this.isStopped = true;
    this.listener?.end();
  }
}

const lost = new SottoError('MIC_UNAVAILABLE', 'it is gone');
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function reconnecting(...puppets: Puppet[]) {
  const clock = new VirtualClock();
  const happened: string[] = [];
  const source = new ReconnectingSource({
    open: (device) => {
      const next = puppets.shift();
      if (next === undefined) throw new Error('opened too often');
      if (device !== undefined) happened.push(`open ${device}`);
      return next;
    },
    clock,
    onLost: () => happened.push('lost'),
    onOpened: ({ name }) => happened.push(`opened ${name}`),
  });
  const listen = async (): Promise<void> => {
    await source.open();
    source.start({
      pcm: (samples) => happened.push(`${samples.length} samples`),
      end: () => happened.push('end'),
      failed: ({ code }) => happened.push(code),
    });
  };
  return { clock, happened, listen, source };
}

describe('a reconnecting microphone', () => {
  test('is opened again after it was lost, and continues', async () => {
    const [first, second] = [new Puppet({ name: 'AirPods' }), new Puppet({ name: 'Built-in' })];
    const { clock, happened, listen } = reconnecting(first, second);
    await listen();
    first.listener?.pcm(new Int16Array(10));
    first.listener?.failed(lost);
    clock.advance(10_000);
    await settled();
    second.listener?.pcm(new Int16Array(20));
    expect(happened).toEqual(['10 samples', 'lost', 'opened Built-in', '20 samples']);
  });

  test('fails after some tries, with the reason', async () => {
    const first = new Puppet({ name: 'AirPods' });
    const { clock, happened, listen } = reconnecting(
      first,
      ...Array.from({ length: 5 }, () => new Puppet(lost)),
    );
    await listen();
    first.listener?.failed(lost);
    for (let time = 0; time < 5; time++) {
      clock.advance(10_000);
      await settled();
    }
    expect(happened).toEqual([...Array.from({ length: 5 }, () => 'lost'), 'MIC_UNAVAILABLE']);
  });

  test('is not tried again without permission', async () => {
    const first = new Puppet({ name: 'AirPods' });
    const { happened, listen } = reconnecting(first);
    await listen();
    first.listener?.failed(new SottoError('MIC_DENIED', 'no'));
    expect(happened).toEqual(['MIC_DENIED']);
  });

  test('ends when it is stopped between two tries', async () => {
    const first = new Puppet({ name: 'AirPods' });
    const { clock, happened, listen, source } = reconnecting(first);
    await listen();
    first.listener?.failed(lost);
    source.stop();
    clock.advance(10_000);
    expect(happened).toEqual(['lost', 'end']);
  });

  test('can be switched, and audio that the first one still delivers is kept', async () => {
    const [first, second] = [new Puppet({ name: 'Built-in' }), new Puppet({ name: 'USB' })];
    const { happened, listen, source } = reconnecting(first, second);
    await listen();
    source.change('USB');
    expect(first.isStopped).toBe(true);
    first.listener?.pcm(new Int16Array(5));
    await settled();
    second.listener?.pcm(new Int16Array(6));
    expect(happened).toEqual(['open USB', '5 samples', 'opened USB', '6 samples']);
  });

  test('can be switched while the first one is being opened: only the new one is recorded', async () => {
    const [first, second] = [new Puppet(lost), new Puppet({ name: 'USB' })];
    const { happened, source } = reconnecting(first, second);
    const opening = source.open();
    source.change('USB');
    expect(first.isStopped).toBe(true);
    expect(await opening).toEqual({ name: 'USB' });
    source.start({
      pcm: (samples) => happened.push(`${samples.length} samples`),
      end: () => happened.push('end'),
      failed: ({ code }) => happened.push(code),
    });
    second.listener?.pcm(new Int16Array(6));
    expect(happened).toEqual(['open USB', '6 samples']);
  });
});
