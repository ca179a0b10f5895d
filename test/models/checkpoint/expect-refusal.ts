/** Damaged model directories: refused with a code and the name of the faulty part, within bounds of memory. */
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';

import { SottoError } from '#daemon/protocol/errors.js';
import { mx } from '#native/index.js';

export const WEIGHTS = 'model.safetensors';
/** Far more than a tiny model needs. */
const MAX_BYTES = 400e6;

export interface RefusalOptions {
  /** Whether the model may work. */
  readonly isHarmless?: boolean;
  readonly what?: string;
}

/**
 * @param use everything that a model of the family does
 * @param codes of errors that may refuse it
 * @param parts of the message, of which one must be there
 */
export async function expectRefusal(
  use: () => Promise<void>,
  codes: readonly string[],
  parts: readonly string[],
  { isHarmless = false, what = '' }: RefusalOptions = {},
): Promise<void> {
  const live = mx.liveArrays();
  mx.memory.resetPeak();
  const before = mx.memory.active();
  const error = await use().then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  const label = `${what}: ${String(error)}`;
  expect([label, mx.liveArrays()]).toEqual([label, live]);
  expect([label, mx.memory.peak() - before < MAX_BYTES]).toEqual([label, true]);
  if (error === undefined && isHarmless) return;
  if (!(error instanceof SottoError)) throw new Error(label, { cause: error });
  expect([label, codes.includes(error.code)]).toEqual([label, true]);
  expect([label, parts.some((part) => error.message.includes(part))]).toEqual([label, true]);
}

/** Of the file of weights, whatever the family. */
export const FILE_DAMAGES: Readonly<Record<string, (dir: string) => void>> = {
  truncated: (dir) => truncateSync(join(dir, WEIGHTS), readFileSync(join(dir, WEIGHTS)).length - 100),
  'cut in the header': (dir) => truncateSync(join(dir, WEIGHTS), 500),
  empty: (dir) => writeFileSync(join(dir, WEIGHTS), ''),
  'a header length that lies': (dir) => {
    const bytes = readFileSync(join(dir, WEIGHTS));
    bytes.writeBigUInt64LE(2n ** 62n);
    writeFileSync(join(dir, WEIGHTS), bytes);
  },
  'other bytes': (dir) => writeFileSync(join(dir, WEIGHTS), Buffer.alloc(5000, 0x80)),
};
