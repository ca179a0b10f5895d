/** What is kept too long. */
import { readdir, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Retention } from '../../settings.js';
import { removeRecording, sweepRecordings, WAV_HEADER_BYTES } from '../recordings.js';
import { BYTES_PER_SAMPLE, SAMPLE_RATE } from '../../protocol/live.js';
import type { Dictation } from './dictation.js';
import type { History } from './history.js';
import { DAMAGED } from './replace.js';

export const DAY_MS = 24 * 3600 * 1000;

export interface Choice {
  /** Dictations that go. */
  readonly whole: readonly Dictation[];
  /** Others of which the audio goes. */
  readonly audio: readonly Dictation[];
}

export type Candidate = Dictation & {
  /** When it became what it is: final, for one that was recovered or had failed. */
  readonly changedMs: number;
};

/**
 * What nobody has read (recovered, failed) stays for a day at least and keeps its audio meanwhile: throwing away unseen
 * what somebody said is what history is there against. Audio that is not to be kept goes a day after the text was there,
 * so that another model can be tried.
 *
 * @param dictations the newest first
 */
export function choose(
  dictations: readonly Candidate[],
  { keepDays, keepAudio, maxAudioBytes }: Retention,
  nowMs: number,
): Choice {
  const isOver = ({ state, startedMs }: Dictation): boolean =>
    state === 'final'
      ? keepDays === 0 || startedMs < nowMs - keepDays * DAY_MS
      : startedMs < nowMs - Math.max(1, keepDays) * DAY_MS;
  const whole = dictations.filter(isOver);
  const recorded = dictations.filter((d) => d.audio !== undefined && !isOver(d));
  const audio: Dictation[] = [];
  let bytes = recorded.reduce((sum, d) => sum + bytesOf(d), 0);
  for (const dictation of recorded.toReversed()) {
    const wanted = keepAudio || dictation.changedMs > nowMs - DAY_MS;
    if (dictation.state !== 'final' || (wanted && bytes <= maxAudioBytes)) continue;
    audio.push(dictation);
    bytes -= bytesOf(dictation);
  }
  return { whole, audio };
}

function bytesOf({ durationSeconds }: Dictation): number {
  return WAV_HEADER_BYTES + durationSeconds * SAMPLE_RATE * BYTES_PER_SAMPLE;
}

/**
 * Prunes the history and deletes the recordings of what went, those that nobody knows of any more, and damaged files of
 * former times.
 *
 * @returns how many dictations went, or their audio
 */
export async function applyRetention(
  history: History,
  recordings: string,
  retention: Retention,
  nowMs: number,
): Promise<number> {
  const gone = history.prune(retention, nowMs);
  const named = history.audioNames();
  for (const { audio } of gone)
    if (audio !== undefined && !named.has(audio)) await removeRecording(recordings, audio);
  await sweepRecordings(recordings, named, nowMs);
  await sweepDamaged(history.path, nowMs - Math.max(1, retention.keepDays) * DAY_MS);
  return gone.length;
}

async function sweepDamaged(path: string, beforeMs: number): Promise<void> {
  const folder = dirname(path);
  for (const name of await readdir(folder).catch(() => [])) {
    if (!name.startsWith(basename(path) + DAMAGED)) continue;
    const damaged = join(folder, name);
    const found = await stat(damaged).catch(() => undefined);
    if (found !== undefined && found.mtimeMs < beforeMs) await unlink(damaged).catch(() => undefined);
  }
}
