/** Applies the retention settings to dictations, recordings and damaged files. */
import { readdir, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Retention } from '../../settings.js';
import { removeRecording, sweepRecordings } from '../recordings.js';
import { isDamagedFile } from '../sqlite/damaged.js';
import { DAY_MS } from './select-expired.js';
import type { History } from './history.js';
import { retryWhileBusy } from './retry-busy.js';

/**
 * Prunes the history and deletes the recordings of dictations that left the trash, our recordings that nothing
 * refers to, and old damaged files.
 *
 * @param clockMs the system's time in ms since 1970; ignored after a jump
 * @returns how many dictations were deleted, or their audio
 */
export async function applyRetention(
  history: History,
  recordings: string,
  retention: Retention,
  clockMs: number,
): Promise<number> {
  const nowMs = await retryWhileBusy(() => history.trustedTime(clockMs));
  const removed = await retryWhileBusy(() => history.prune(retention, nowMs));
  const named = history.audioNames();
  for (const { audio } of removed)
    if (audio !== undefined && !named.has(audio)) await removeRecording(recordings, audio);
  const written = history.recordingNames();
  const missing = await sweepRecordings(recordings, { named, written, nowMs });
  if (missing.length > 0) await retryWhileBusy(() => history.forgetRecordings(missing));
  await sweepDamaged(history.path, nowMs - Math.max(1, retention.keepDays) * DAY_MS);
  return removed.length;
}

async function sweepDamaged(path: string, beforeMs: number): Promise<void> {
  const folder = dirname(path);
  for (const name of await readdir(folder).catch(() => [])) {
    if (!isDamagedFile(basename(path), name)) continue;
    const damaged = join(folder, name);
    const found = await stat(damaged).catch(() => undefined);
    if (found !== undefined && found.mtimeMs < beforeMs) await unlink(damaged).catch(() => undefined);
  }
}
