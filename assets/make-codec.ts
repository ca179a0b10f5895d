/**
 * Makes the included codec out of Lyra V2, as test/reference/convert-lyra.py writes it:
 *
 *     node dist/assets/make-codec.js CONVERTED_DIR LICENSE [--out assets/models]
 *
 * Copies config.json, model.safetensors and the license of google/lyra, and writes the entry in manifest.json.
 */
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { familyOf } from '#daemon/models/registry.js';
import { assertSha256, MODELS_DIR, writeManifestEntry } from './model-manifest.js';

/** model.safetensors as the recipe in assets/models/README.md gives it. */
const SOURCE_SHA256 = '38b402a119919d15c41260975bbf4e8ebdcf4fe87417000a485ac0a0c5fa734d';
const NAME = 'lyra-v2';

const { values: args, positionals } = parseArgs({
  allowPositionals: true,
  options: { out: { type: 'string', default: MODELS_DIR } },
});
const [source, license] = positionals;
if (source === undefined || license === undefined) {
  console.error('usage: make-codec CONVERTED_DIR LICENSE [--out DIR]');
  process.exit(2);
}
assertSha256(join(source, 'model.safetensors'), SOURCE_SHA256, 'Lyra V2');
const folder = join(args.out, NAME);
mkdirSync(folder, { recursive: true });
for (const file of ['config.json', 'model.safetensors']) copyFileSync(join(source, file), join(folder, file));
copyFileSync(license, join(folder, 'LICENSE'));
const { name: family } = await familyOf(folder);
writeManifestEntry(args.out, 'codec', {
  name: NAME,
  family,
  title: 'Lyra V2',
  languages: 'any',
  licence: 'Apache-2.0',
  source: { model: 'google/lyra 1.3.2' },
});
