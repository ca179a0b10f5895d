/** What is written down beside a pulled model: where it is from, and the hashes of its files. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { isSafeName } from './safe-path.js';

/** Hidden, so that no loader takes it for a part of the model. */
export const RECORD = '.sotto-model.json';

const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const hash = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));

const recordSchema = v.object({
  version: v.literal(1),
  repo: v.string(),
  /** Commit. */
  revision: v.pipe(v.string(), v.regex(/^[0-9a-f]{40}$/)),
  /** ISO 8601. */
  pulledAt: v.string(),
  files: v.array(v.object({ name: v.pipe(v.string(), v.check(isSafeName)), bytes: whole, sha256: hash })),
});
export type ModelRecord = v.InferOutput<typeof recordSchema>;

/** Undefined for a folder that was not pulled, or whose record can't be read. */
export function readRecord(dir: string): ModelRecord | undefined {
  try {
    const parsed = v.safeParse(recordSchema, JSON.parse(readFileSync(join(dir, RECORD), 'utf8')));
    return parsed.success ? parsed.output : undefined;
  } catch {
    return undefined;
  }
}
