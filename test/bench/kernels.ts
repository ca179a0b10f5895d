/**
 * The products and kernels that dominate Whisper base, at its shapes, compared with the same computation in plain MLX
 * ops.
 */
import { mx, type MxArray } from '#native/index.js';
import { median, printTable, saveResult } from './report.js';

interface Work {
  name: string;
  /** Floating-point operations of its products; 0 if there are none. */
  flop: number;
  run: () => MxArray;
  plain?: () => MxArray;
}

function milliseconds(make: () => MxArray): number {
  const runs: number[] = [];
  for (let i = 0; i < 12; i++) {
    const begin = performance.now();
    const result = mx.tidy(make);
    mx.eval(result);
    if (i > 1) runs.push(performance.now() - begin);
    result.dispose();
  }
  return median(runs);
}

const heads = (n: number) => mx.transpose(mx.random.normal([1, n, 8, 64]), [0, 2, 1, 3]);

function plainAttention(q: MxArray, k: MxArray, v: MxArray): MxArray {
  const scores = mx.matmul(mx.multiply(q, 0.125), mx.transpose(k, [0, 1, 3, 2]));
  return mx.matmul(mx.softmax(scores, -1), v);
}

function attention(name: string, nq: number, nk: number): Work {
  const [q, k, v] = [heads(nq), heads(nk), heads(nk)];
  mx.eval(q, k, v);
  return {
    name,
    flop: 4 * nq * nk * 512,
    run: () => mx.fast.scaledDotProductAttention(q, k, v, { scale: 0.125 }),
    plain: () => plainAttention(q, k, v),
  };
}

function product(name: string, m: number, k: number, n: number): Work {
  const [x, w] = [mx.random.normal([m, k]), mx.random.normal([n, k])];
  mx.eval(x, w);
  return { name, flop: 2 * m * n * k, run: () => mx.matmul(x, mx.transpose(w)) };
}

function gelu(): Work {
  const x = mx.random.normal([1500, 2048]);
  mx.eval(x);
  return {
    name: 'GELU 1500 x 2048',
    flop: 0,
    run: () => mx.fast.gelu(x),
    plain: () => mx.multiply(mx.multiply(x, 0.5), mx.add(mx.erf(mx.multiply(x, Math.SQRT1_2)), 1)),
  };
}

export function kernels(argv: string[]): Promise<void> {
  mx.setDefaultDevice('cpu');
  const works = [
    product('product 1024 x 1024 x 1024', 1024, 1024, 1024),
    product('mlp1 1500 x 512 x 2048', 1500, 512, 2048),
    product('query 1500 x 512 x 512', 1500, 512, 512),
    attention('encoder attention 1500 x 1500, 8 heads', 1500, 1500),
    gelu(),
    product('one row x mlp1', 1, 512, 2048),
    product('one row x vocabulary', 1, 512, 51865),
    attention('cross-attention 1 x 1500, 8 heads', 1, 1500),
  ];
  const measured = works.map(({ name, flop, run, plain }) => {
    const ms = milliseconds(run);
    return { name, ms, gflops: flop / ms / 1e6, plainMs: plain ? milliseconds(plain) : undefined };
  });
  printTable(
    ['work (float32)', 'ms', 'GFLOP/s', 'plain MLX ops, ms', 'ratio'],
    measured.map(({ name, ms, gflops, plainMs }) => [
      name,
      ms.toFixed(2),
      gflops > 0 ? gflops.toFixed(0) : '',
      plainMs?.toFixed(2) ?? '',
      plainMs ? (plainMs / ms).toFixed(1) : '',
    ]),
  );
  saveResult('kernels', { measured }, argv.includes('--save-baseline'));
  return Promise.resolve();
}
