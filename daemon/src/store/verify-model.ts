/** Verifies a pulled model against its record. */
import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { readThrough } from './download/file-hash.js';
import { readRecord } from './download/model-record.js';
import { diskError } from './download/download-errors.js';

export interface VerifyResult {
  readonly repo: string;
  readonly revision: string;
  readonly files: readonly { readonly name: string; readonly state: 'ok' | 'changed' | 'missing' }[];
}

/** Undefined for a model without a record, which wasn't pulled. @throws SottoError */
export async function verifyAgainstRecord(
  dir: string,
  signal: AbortSignal,
  onProgress: (fraction: number) => void = () => undefined,
): Promise<VerifyResult | undefined> {
  const record = readRecord(dir);
  if (record === undefined) return undefined;
  const all = record.files.reduce((sum, { bytes }) => sum + bytes, 0);
  let done = 0;
  const files: { name: string; state: 'ok' | 'changed' | 'missing' }[] = [];
  for (const { name, bytes, sha256 } of record.files) {
    const path = join(dir, name);
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats === undefined) files.push({ name, state: 'missing' });
    else if (stats.size !== bytes) files.push({ name, state: 'changed' });
    else {
      const hash = createHash('sha256');
      try {
        await readThrough(path, bytes, signal, (chunk) => {
          hash.update(chunk);
          done += chunk.length;
          onProgress(all === 0 ? 1 : done / all);
        });
      } catch (error) {
        throw diskError(error, path);
      }
      files.push({ name, state: hash.digest('hex') === sha256 ? 'ok' : 'changed' });
    }
  }
  return { repo: record.repo, revision: record.revision, files };
}
