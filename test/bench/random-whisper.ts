/**
 * Writes a Whisper model directory of full size with random weights, for measurements that depend only on their number,
 * such as load time and memory. Uses the layout of mlx-community; keeps one tensor at a time in memory.
 */
import { closeSync, mkdirSync, openSync, statfsSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { mlxConfig, parseConfig } from '#daemon/models/whisper/whisper-config.js';
import { Whisper } from '#daemon/models/whisper/model.js';
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';
import { SIZES } from '#test/models/model-sizes.js';
import { defined } from '#daemon/protocol/defined.js';

export interface RandomWhisper {
  /** A published size, or dimensions as in `config.json`. */
  readonly size: keyof typeof SIZES | Readonly<Record<string, number>>;
  /** Quantizes all linear layers and the embedding, as mlx-whisper's own converter does; float16 if undefined. */
  readonly bits?: 2 | 3 | 4 | 5 | 6 | 8;
  readonly groupSize?: 32 | 64 | 128;
}

/** Similar to trained weights, so that activations stay finite through 32 layers. */
const SPREAD = 0.02;
/** Numbers generated at once. */
const PIECE = 4_000_000;
const FORMAT_NAME: Readonly<Record<string, string>> = { float16: 'F16', uint32: 'U32' };

/** @throws Error if the disk is too full */
export function writeRandomWhisper(dir: string, { size, bits, groupSize = 64 }: RandomWhisper): void {
  const config = parseConfig(typeof size === 'string' ? SIZES[size] : size);
  mkdirSync(dir, { recursive: true });
  using network = new Whisper(config);
  if (bits !== undefined) nn.quantize(network, { bits, groupSize });
  const tensors = [...network.namedParameters()].map(([name, { shape, dtype }]) => {
    const stored = dtype === 'uint32' ? dtype : 'float16';
    const count = shape.reduce((product, n) => product * n, 1);
    return { name, shape, stored, count, bytes: count * (stored === 'uint32' ? 4 : 2) };
  });
  let end = 0;
  const header = JSON.stringify({
    __metadata__: { format: 'mlx' },
    ...Object.fromEntries(
      tensors.map(({ name, shape, stored, bytes }) => [
        name,
        { dtype: FORMAT_NAME[stored], shape, data_offsets: [end, (end += bytes)] },
      ]),
    ),
  });
  const { bavail, bsize } = statfsSync(dir);
  if (bavail * bsize < end * 1.1)
    throw new Error(`not enough disk space for ${Math.round(end / 1e6)} MB in ${dir}`);

  const padded = header.padEnd(Math.ceil(header.length / 8) * 8);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  const file = openSync(join(dir, 'weights.safetensors'), 'w');
  try {
    writeSync(file, length);
    writeSync(file, padded);
    for (const { name, stored, count } of tensors) {
      for (let done = 0; done < count; done += PIECE) {
        const piece = mx.tidy(() => made(name, stored, Math.min(PIECE, count - done), bits).toTypedArray());
        writeSync(file, new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength));
      }
    }
  } finally {
    closeSync(file);
  }
  const written = mlxConfig({
    ...config,
    ...defined({ quantization: bits === undefined ? undefined : { bits, groupSize } }),
  });
  writeFileSync(join(dir, 'config.json'), JSON.stringify(written, null, 2));
  mx.memory.clearCache();
}

function made(name: string, dtype: string, count: number, bits = 8): MxArray {
  if (dtype === 'uint32') {
    const half = (): MxArray => mx.random.randint(0, 2 ** 16, [count], 'uint32');
    return mx.add(half(), mx.multiply(half(), mx.array(2 ** 16, [], 'uint32')));
  }
  const step = SPREAD / 2 ** (bits - 2); // codes are spread evenly over ± twice the spread
  if (name.endsWith('.scales')) return mx.full([count], step, 'float16');
  if (name.endsWith('.biases')) return mx.full([count], -2 * SPREAD, 'float16');
  const isNorm = /(_ln|\.ln|ln_post)\.weight$/.test(name);
  if (isNorm) return mx.ones([count], 'float16');
  return mx.multiply(mx.random.normal([count]), SPREAD).astype('float16');
}
