/** `http.json`: port and token of the HTTP API for programs of the same user, while the port is open. */
import { unlinkSync } from 'node:fs';
import * as v from 'valibot';
import { isRunning } from '../is-running.js';
import { SottoError } from '../protocol/errors.js';
import { hintOf, reasonOf, TEXT_INPUT } from '../protocol/file-errors.js';
import { readSmallFile } from '../read-small-file.js';
import { writeFileAtomic } from './write-file-atomic.js';

const discoverySchema = v.object({
  port: v.pipe(v.number(), v.safeInteger(), v.minValue(1), v.maxValue(65_535)),
  token: v.string(),
  pid: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
  version: v.string(),
});
export type Discovery = v.InferOutput<typeof discoverySchema>;

/** Written atomically and readable by the user only. @throws SottoError OUTPUT_FAILED */
export async function announce(path: string, discovery: Discovery): Promise<void> {
  try {
    await writeFileAtomic(path, `${JSON.stringify(discovery, undefined, 2)}\n`, 0o600);
  } catch (cause) {
    throw new SottoError('OUTPUT_FAILED', `${path} can't be written: ${reasonOf(cause)}`, {
      cause,
      hint: hintOf(cause) ?? 'check its permissions',
    });
  }
}

/** Removes the file. Synchronous, because a process may exit right after. */
export function withdraw(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It doesn't exist, or isn't ours.
  }
}

/** Undefined if there is no file, or its process has exited. */
export function discover(path: string): Discovery | undefined {
  try {
    const parsed = v.safeParse(discoverySchema, JSON.parse(readSmallFile(path, 2 ** 16, TEXT_INPUT)));
    return parsed.success && isRunning(parsed.output.pid) ? parsed.output : undefined;
  } catch {
    return undefined;
  }
}
