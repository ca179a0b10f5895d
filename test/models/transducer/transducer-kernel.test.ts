/** The CPU kernel walks as the host does, for transducers with and without durations. */
import { expect, test } from '@jest/globals';

import { GreedyDecoder, type GreedyState } from '#daemon/models/transducer/greedy.js';
import type { Emission } from '#daemon/models/transducer/greedy-walk.js';
import type { PackedLstm } from '#daemon/models/transducer/packed-lstm.js';
import { decodeSequence, openDecoder } from '#daemon/models/transducer/transducer-decoder.js';
import type { Transducer } from '#daemon/models/transducer/transducer.js';
import { TransducerKernel } from '#daemon/models/transducer/transducer-kernel.js';
import type { TransducerConfig } from '#daemon/models/transducer/transducer-network.js';
import { mx, type MxArray } from '#native/index.js';
import { describeUnless } from '#test/harness/skipping.js';

import { missingKernels } from '../../native/cpu-kernel-cases.js';
import { randomTransducer } from './random-transducer.js';

const SIZES = { encoderDims: 32, tokens: 40, predictionDims: 32, predictionLayers: 2, jointDims: 48 };
const CASES = [
  { durations: [0, 1, 2, 3, 4], maxSymbols: 10, blankBias: 2, activation: 'relu' },
  { durations: [0, 1], maxSymbols: 3, blankBias: 0, activation: 'tanh' },
  { durations: [], maxSymbols: 2, blankBias: 3, activation: 'relu' },
] as const;
const TDT: TransducerConfig = { ...SIZES, durations: [0, 1, 2, 3, 4], maxSymbols: 10, activation: 'relu' };

const { signal } = new AbortController();
const places = (all: readonly Emission[]) => all.map(({ token, frame, frames }) => [token, frame, frames]);
const randomFeatures = (frames: number, seed = 9): MxArray =>
  mx.tidy(() => mx.random.normal([frames, SIZES.encoderDims], { key: mx.random.key(seed) }));
const part = (features: MxArray, from: number, to: number): MxArray =>
  mx.tidy(() => mx.contiguous(mx.slice(features, [from, 0], [to, SIZES.encoderDims])));

describeUnless(missingKernels)('the kernel', () => {
  test.each(CASES)('walks as the host: $durations, at most $maxSymbols symbols', async (own) => {
    const { blankBias, ...rest } = own;
    using random = randomTransducer({ ...SIZES, ...rest }, blankBias);
    const { transducer } = random;
    using features = randomFeatures(101);
    using host = new HostDecoder(transducer);
    const expected = await host.decoder.decode(features, signal);
    expect(expected.length).toBeGreaterThan(40); // more than a call of the kernel
    const found = await decodeSequence(transducer, features, {}, signal);
    expect(places(found)).toEqual(places(expected));
    for (const [i, { logprob }] of found.entries())
      expect(Math.abs(logprob - (expected[i]?.logprob ?? NaN))).toBeLessThan(1e-4);
  });

  test.each(['float16', 'bfloat16'] as const)(
    'reads %s weights in two bytes and computes as with the same numbers in float32',
    async (dtype) => {
      using halves = randomTransducer(TDT, 1, { stored: dtype });
      using whole = randomTransducer(TDT, 1, { rounded: dtype });
      using features = randomFeatures(60);
      const found = await decodeSequence(halves.transducer, features, {}, signal);
      expect(found.length).toBeGreaterThan(20);
      expect(found).toEqual(await decodeSequence(whole.transducer, features, {}, signal));
      const bytes = ({ decoder }: Transducer): number =>
        decoder.parameters().reduce((sum, { nbytes }) => sum + nbytes, 0);
      const layers = halves.transducer.decoder.prediction.dec_rnn.lstm as PackedLstm[];
      for (const { Wx, Wh, bias } of layers)
        expect([Wx.dtype, Wh.dtype, bias.dtype]).toEqual([dtype, dtype, 'float32']);
      expect(bytes(halves.transducer)).toBeLessThan(0.52 * bytes(whole.transducer));
    },
  );

  test('parts of a sequence give the bits of the whole, and durations reach over their ends', async () => {
    using random = randomTransducer(TDT, 1);
    const { transducer } = random;
    using features = randomFeatures(60);
    const expected = await decodeSequence(transducer, features, {}, signal);
    const found: Emission[] = [];
    let [decoder, at, debts] = [openDecoder(transducer), 0, 0];
    for (const length of [1, 1, 2, 5, 1, 20, 3, 27]) {
      using frames = part(features, at, at + length);
      found.push(...(await decoder.decode(frames, signal)));
      at += length;
      const { state } = decoder;
      if (state.walk.frame > at) debts++;
      decoder.dispose();
      decoder = openDecoder(transducer, {}, state); // as from a checkpoint
    }
    decoder.dispose();
    expect(found).toEqual(expected);
    expect(debts).toBeGreaterThan(0);
  });

  test('the host continues where the kernel stopped', async () => {
    using random = randomTransducer(TDT, 1);
    const { transducer } = random;
    using features = randomFeatures(60);
    const expected = await decodeSequence(transducer, features, {}, signal);
    const first = openDecoder(transducer);
    using start = part(features, 0, 31);
    using rest = part(features, 31, 60);
    const begun = await first.decode(start, signal);
    using host = new HostDecoder(transducer, first.state);
    first.dispose();
    expect(places([...begun, ...(await host.decoder.decode(rest, signal))])).toEqual(places(expected));
  });

  test('sequences side by side get the bits that they get alone', async () => {
    using random = randomTransducer(TDT, 1);
    const { transducer } = random;
    const lengths = [40, 7, 1, 55, 33];
    const sequences = lengths.map((length, i) => randomFeatures(length, i));
    const kernel = TransducerKernel.of(transducer);
    const padded = mx.tidy(() =>
      mx.stack(
        sequences.map((x, i) =>
          mx.pad(
            transducer.joint.enc.forward(x),
            [
              [0, 60 - (lengths[i] ?? 0)],
              [0, 0],
            ],
            'constant',
            7,
          ),
        ),
      ),
    );
    using start = kernel?.start(lengths.length);
    const lanes = lengths.map((frames) => ({ walk: { frame: 0, symbols: 0 }, frames }));
    const decoded = start && (await kernel?.decode(padded, lanes, start, signal));
    decoded?.state.dispose();
    for (const [i, sequence] of sequences.entries())
      expect(decoded?.emissions[i]).toEqual(await decodeSequence(transducer, sequence, {}, signal));
    mx.dispose([padded, ...sequences]);
  });

  test('a bias of minus infinity forbids tokens', async () => {
    using random = randomTransducer(TDT, 1);
    const { transducer } = random;
    using features = randomFeatures(60);
    using bias = mx.tidy(() => {
      const id = mx.arange(SIZES.tokens + 1 + 5);
      return mx.where(mx.less(id, 20), -Infinity, 0);
    });
    const found = await decodeSequence(transducer, features, { bias }, signal);
    expect(found.length).toBeGreaterThan(10);
    expect(found.filter(({ token }) => token < 20)).toEqual([]);
    using host = new HostDecoder(transducer, undefined, bias);
    expect(places(found)).toEqual(places(await host.decoder.decode(features, signal)));
  });

  test('cancels between two calls and frees everything', async () => {
    using random = randomTransducer(TDT, 0);
    using features = randomFeatures(400);
    const before = mx.liveArrays();
    const controller = new AbortController();
    const decoding = decodeSequence(random.transducer, features, {}, controller.signal);
    setImmediate(() => {
      controller.abort();
    });
    await expect(decoding).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(mx.liveArrays()).toBe(before);
  });
});

class HostDecoder implements Disposable {
  readonly decoder: GreedyDecoder;

  constructor(transducer: Transducer, from?: GreedyState, bias?: MxArray) {
    this.decoder = new GreedyDecoder(transducer, { bias }, from);
  }

  [Symbol.dispose](): void {
    this.decoder.dispose();
  }
}
