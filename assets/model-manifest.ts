/** manifest.json of the included models: what is in each directory, and which model serves when the user has chosen none. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** assets/models of the clone. */
export const MODELS_DIR = resolve(fileURLToPath(import.meta.url), '../../../assets/models');

interface ManifestModel {
  readonly name: string;
  readonly family: string;
  readonly title: string;
  readonly languages: string;
  readonly licence: string;
  readonly source: {
    readonly model: string;
    /** Of a model that was quantized from float16. */
    readonly float16Sha256?: string;
    readonly quantization?: { readonly groupSize: number; readonly bits: number };
  };
}

/** What a model serves as until the user chooses another one. */
type ModelUse = 'starter' | 'english' | 'codec';

interface Manifest {
  readonly starter?: string;
  readonly english?: string;
  readonly codec?: string;
  readonly models: readonly { readonly name: string }[];
}

export function sha256(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

/** @throws Error if the file has another sha256 */
export function assertSha256(path: string, expected: string, what: string): void {
  const found = sha256(path);
  if (found !== expected) throw new Error(`${path} is not ${what}: its sha256 is ${found}`);
}

/** Replaces the entry of a model in `dir`/manifest.json, and prints its files. */
export function writeManifestEntry(dir: string, use: ModelUse, model: ManifestModel): void {
  const path = join(dir, 'manifest.json');
  const before: Manifest = existsSync(path)
    ? (JSON.parse(readFileSync(path, 'utf8')) as Manifest)
    : { models: [] };
  const files = readdirSync(join(dir, model.name))
    .filter((file) => file !== 'README.md')
    .sort()
    .map((file) => {
      const whole = join(dir, model.name, file);
      return { path: file, bytes: statSync(whole).size, sha256: sha256(whole) };
    });
  const used = { starter: before.starter, english: before.english, codec: before.codec, [use]: model.name };
  const others = before.models.filter(({ name }) => name !== model.name);
  const all = [...others, { ...model, files }].sort((a, b) => (a.name < b.name ? -1 : 1));
  writeFileSync(path, JSON.stringify({ ...used, models: all }, null, 2) + '\n');
  for (const file of files)
    console.log(`${file.sha256}  ${(file.bytes / 1e6).toFixed(1)} MB  ${model.name}/${file.path}`);
}
