/**
 * Makes the model for English dictation out of Moonshine base in float16, as test/reference/convert-moonshine.py writes it:
 *
 *     node dist/assets/make-english.js FLOAT16_DIR [--out assets/models]
 *
 * Every linear and embedding weight is quantized by MLX (affine, on the CPU, so that any machine makes the same bytes), as
 * `sotto models quantize FLOAT16_DIR --bits 6 --first-last-bits 6 --embedding-bits 6` does. Writes config.json,
 * model.safetensors and tokenizer.json, and the entry in manifest.json.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { familyOf } from '#daemon/models/registry.js';
import { mx } from '#native/index.js';
import { assertSha256, MODELS_DIR, writeManifestEntry } from './model-manifest.js';

/** model.safetensors of Moonshine base in float16, as the recipe in assets/models/README.md gives it. */
const SOURCE_SHA256 = '937c7db08522b4f2dd2006481297d0938d98f4c01345fa174a48c10635e65fea';
const BITS = 6;
/** The widths 416 and 1664 are no multiples of 64. */
const GROUP_SIZE = 32;

const { values: args, positionals } = parseArgs({
  allowPositionals: true,
  options: { out: { type: 'string', default: MODELS_DIR } },
});
const [source] = positionals;
if (source === undefined) {
  console.error('usage: make-english FLOAT16_DIR [--out DIR]');
  process.exit(2);
}
assertSha256(join(source, 'model.safetensors'), SOURCE_SHA256, 'Moonshine base in float16');
mx.setDefaultDevice('cpu');
const name = `moonshine-base-${BITS}bit`;
const folder = join(args.out, name);
mkdirSync(folder, { recursive: true });
const family = await familyOf(source);
await family.convert(source, folder, { bits: BITS, groupSize: GROUP_SIZE, dtype: 'float16' }, {});
writeManifestEntry(args.out, 'english', {
  name,
  family: family.name,
  title: `Moonshine base, ${BITS} bit`,
  languages: 'English',
  licence: 'MIT',
  source: {
    model: 'Moonshine AI base (English)',
    float16Sha256: SOURCE_SHA256,
    quantization: { groupSize: GROUP_SIZE, bits: BITS },
  },
});
