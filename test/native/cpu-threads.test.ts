/**
 * The CPU kernels share one thread pool. A kernel that finds it busy runs on its own thread and gives the
 * same result.
 */
import { expect, test } from '@jest/globals';
import { Worker } from 'node:worker_threads';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { mx, type MxArray, type Stream } from '#native/index.js';
import { describeUnless } from '#test/harness/skipping.js';
import { missingKernels } from './cpu-kernel-cases.js';

const describeKernels = describeUnless(missingKernels);

/** Every kernel, with enough work to be split. Plain JavaScript, since workers run it too. */
function work(m: typeof mx, stream?: Stream): MxArray[] {
  const key = (n: number): MxArray => m.random.key(n);
  const on = stream ? { stream } : {};
  const x = m.random.normal([64, 256], { key: key(1) });
  const w = m.random.normal([1040, 256], { key: key(2) });
  const [packed, scales, biases] = m.quantize(w, 64, 6);
  const scaleArgs = { scales: m.cpu.panels(scales), biases: m.cpu.panels(biases), ...on };
  const panels = m.cpu.panels(packed, 6, on);
  const largeProduct = m.cpu.linear(x, panels, 1040, { ...scaleArgs, eps: 1e-5, gelu: true });
  const smallProduct = m.cpu.linear(m.slice(x, [0, 0], [3, 256]), panels, 1040, scaleArgs);
  const heads = m.random.normal([1, 8, 200, 32], { key: key(3) });
  const attended = m.fast.scaledDotProductAttention(heads, heads, heads, {
    scale: 0.2,
    mask: 'causal',
    ...on,
  });
  const kv = m.random.normal([2, 300, 512], { key: key(4) });
  const [keys, values] = m.cpu.crossAttentionCache(kv, 4, on);
  const read = m.cpu.crossAttend(m.slice(kv, [0, 0, 0], [2, 5, 256]), keys, values, on);
  const [index, logprob] = m.cpu.argmax(largeProduct, on);
  return [largeProduct, smallProduct, attended, read, index, logprob, m.fast.gelu(largeProduct, on)];
}

const same = (a: MxArray[], b: MxArray[]): boolean[] => a.map((x, i) => mx.arrayEqual(x, b[i] as MxArray).item()); // prettier-ignore

describeKernels('concurrent kernels', () => {
  test('give bit-identical results on several streams', async () => {
    const alone = work(mx);
    mx.eval(alone);
    const streams = [mx.newStream('cpu'), mx.newStream('cpu'), mx.newStream('cpu')];
    for (let round = 0; round < 5; round++) {
      const all = streams.map((stream) => work(mx, stream));
      await mx.ready(...all.flat());
      for (const results of all) expect(same(results, alone)).toEqual(alone.map(() => true));
      mx.dispose(all);
    }
    mx.dispose(alone);
  });

  test('give bit-identical results in several worker threads', async () => {
    const native = pathToFileURL(path.resolve(import.meta.dirname, '../../native/index.js')).href;
    const body = `
      import { parentPort } from 'node:worker_threads';
      import { mx } from ${JSON.stringify(native)};
      mx.setDefaultDevice('cpu');
      ${work.toString()}
      for (let round = 0; round < 4; round++) {
        const results = work(mx);
        mx.eval(results);
        parentPort.postMessage(results.map((x) => Buffer.from(x.toTypedArray().buffer).toString('base64')));
        mx.dispose(results);
      }`;
    const alone = work(mx);
    const expected = alone.map((x) => Buffer.from(x.toTypedArray().buffer).toString('base64'));
    const rounds = await Promise.all(
      Array.from({ length: 3 }, async () => {
        const messages: unknown[] = [];
        const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(body)}`));
        await new Promise<void>((resolve, reject) => {
          worker.on('message', (message: unknown) => messages.push(message));
          worker.on('error', reject);
          worker.on('exit', () => {
            resolve();
          });
        });
        return messages;
      }),
    );
    for (const messages of rounds) {
      expect(messages).toHaveLength(4);
      for (const results of messages) expect((results as string[]).map((x, i) => x === expected[i])).toEqual(expected.map(() => true)); // prettier-ignore
    }
    mx.dispose(alone);
  });
});
