/**
 * Makes the starter model out of OpenAI's float16 weights in the mlx layout:
 *
 *     node dist/assets/make-starter.js FLOAT16_DIR [--bits 6] [--group-size 128] [--out assets/models]
 *
 * Linear and embedding weights are quantized by MLX (affine, on the CPU, so that any machine makes the same bytes);
 * convolutions, norms, biases, positions and the alignment heads stay as they are. Writes config.json and
 * weights.safetensors as mlx-community's checkpoints have them, and the entry in manifest.json.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { mx, type MxArray } from '#native/index.js';
import { type SafetensorsHeader, validateSafetensors } from '#native/safetensors/validate.js';
import { assertSha256, MODELS_DIR, writeManifestEntry } from './model-manifest.js';
import { type RawTensor, writeSafetensors } from './write-safetensors.js';

/** weights.safetensors of Whisper base in float16, as the recipe in assets/models/README.md gives it. */
const SOURCE_SHA256 = '03d2839c361db422f57f8463485a66938d1777e60ebf3b9ff56428dcb4b76acc';

const { values: args, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    bits: { type: 'string', default: '6' },
    'group-size': { type: 'string', default: '128' },
    out: { type: 'string', default: MODELS_DIR },
  },
});
const [source] = positionals;
if (source === undefined) {
  console.error('usage: make-starter FLOAT16_DIR [--bits 6] [--group-size 128] [--out DIR]');
  process.exit(2);
}
const [bits, groupSize] = [Number(args.bits), Number(args['group-size'])];

function bytesOf(array: MxArray): Uint8Array {
  const { buffer, byteOffset, byteLength } = array.toTypedArray();
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** The tensors of `path` as they lie in the file, each 2-D `.weight` replaced by what MLX packs it into. */
function quantized(path: string, header: SafetensorsHeader): Map<string, RawTensor> {
  const file = readFileSync(path);
  const dataStart = 8 + header.headerBytes;
  const { arrays } = mx.loadSafetensors(path);
  const out = new Map<string, RawTensor>();
  for (const [name, { dtype, shape, begin, end }] of header.tensors) {
    const weight = arrays[name];
    if (!name.endsWith('.weight') || shape.length !== 2 || weight === undefined) {
      out.set(name, { dtype, shape, bytes: file.subarray(dataStart + begin, dataStart + end) });
      continue;
    }
    const stem = name.slice(0, -'.weight'.length);
    const [packed, scales, biases] = mx.quantize(weight, groupSize, bits);
    if (biases === undefined) throw new Error('affine quantization gives biases');
    out.set(name, { dtype: 'U32', shape: packed.shape, bytes: bytesOf(packed) });
    out.set(`${stem}.scales`, { dtype, shape: scales.shape, bytes: bytesOf(scales) });
    out.set(`${stem}.biases`, { dtype, shape: biases.shape, bytes: bytesOf(biases) });
    mx.dispose([packed, scales, biases]);
  }
  mx.dispose(arrays);
  return out;
}

const weights = join(source, 'weights.safetensors');
assertSha256(weights, SOURCE_SHA256, 'OpenAI’s base in float16');
mx.setDefaultDevice('cpu');
const name = `whisper-base-${bits}bit`;
const folder = join(args.out, name);
mkdirSync(folder, { recursive: true });
const tensors = quantized(weights, validateSafetensors(weights));
writeSafetensors(join(folder, 'weights.safetensors'), tensors, { format: 'mlx' });
const config = JSON.parse(readFileSync(join(source, 'config.json'), 'utf8')) as object;
const withForm = { ...config, quantization: { group_size: groupSize, bits } };
writeFileSync(join(folder, 'config.json'), JSON.stringify(withForm, null, 2) + '\n');

writeManifestEntry(args.out, 'starter', {
  name,
  family: 'whisper',
  title: `Whisper base, ${bits} bit`,
  languages: 'multilingual',
  licence: 'MIT',
  source: { model: 'openai/whisper base', float16Sha256: SOURCE_SHA256, quantization: { groupSize, bits } },
});
