/** Selects the dictations and the audio that have expired. */
import { BYTES_PER_SAMPLE, SAMPLE_RATE } from '../../protocol/live.js';
import type { Retention } from '../../settings.js';
import { WAV_HEADER_BYTES } from '../../signal/wav-format.js';
import type { Row } from '../sqlite/statements.js';
import { fromRow, type StoredDictation } from './stored-dictation.js';

export const DAY_MS = 24 * 3600 * 1000;

interface Expired {
  /** Dictations to delete. */
  readonly whole: readonly StoredDictation[];
  /** Dictations of which only the audio is deleted. */
  readonly audio: readonly StoredDictation[];
}

export type Candidate = StoredDictation & {
  /** When it got its state: final, for one that was recovered or had failed. */
  readonly changedMs: number;
  /** When the user saw that it had failed. */
  readonly seenMs?: number;
  /** When it was restored from the trash. */
  readonly restoredMs?: number;
  /** Size of its recording, if that was noted; otherwise it is a WAV. */
  readonly audioBytes?: number;
};

export function toCandidate(row: Row): Candidate {
  return {
    ...fromRow(row),
    changedMs: Number(row.changed_ms),
    ...(typeof row.seen_ms === 'number' && { seenMs: row.seen_ms }),
    ...(typeof row.restored_ms === 'number' && { restoredMs: row.restored_ms }),
    ...(typeof row.audio_bytes === 'number' && { audioBytes: row.audio_bytes }),
  };
}

/**
 * Recovered and failed dictations stay with their audio until the user has seen them: the history must not lose
 * them. Audio that isn't to be kept stays for a day after the text was final, so that another model can be tried.
 *
 * @param dictations the last written first
 * @param nowMs a trusted time (trusted-time.ts)
 */
export function selectExpired(
  dictations: readonly Candidate[],
  { keepDays, keepAudio, maxAudioBytes }: Retention,
  nowMs: number,
): Expired {
  const dates = datesOf(dictations, nowMs);
  const isOver = (dictation: Candidate): boolean => {
    const dateMs = dates.get(dictation.id) ?? nowMs;
    if (dictation.state === 'final') return keepDays === 0 || dateMs < nowMs - keepDays * DAY_MS;
    // Of the dictations that aren't final, only failed ones can be marked as seen. Unseen ones are kept.
    return Math.max(dateMs, dictation.seenMs ?? Infinity) < nowMs - Math.max(1, keepDays) * DAY_MS;
  };
  const whole = dictations.filter(isOver);
  const recorded = dictations
    .filter((d) => d.audio !== undefined && !isOver(d))
    .sort((a, b) => a.startedMs - b.startedMs);
  const audio: StoredDictation[] = [];
  let bytes = recorded.reduce((sum, d) => sum + bytesOf(d), 0);
  for (const dictation of recorded) {
    const wanted = keepAudio || dictation.changedMs > nowMs - DAY_MS;
    if (dictation.state !== 'final' || (wanted && bytes <= maxAudioBytes)) continue;
    audio.push(dictation);
    bytes -= bytesOf(dictation);
  }
  return { whole, audio };
}

/**
 * The date from which each dictation's age counts. If a clock was behind when it was written (its date is earlier
 * than those of older rows), it is no older than those rows, so that it isn't deleted once the clock is right. A
 * date in the future counts as that of the next row with a valid date.
 */
function datesOf(dictations: readonly Candidate[], nowMs: number): ReadonlyMap<string, number> {
  const ownMs = (d: Candidate): number => Math.max(d.startedMs, d.restoredMs ?? 0);
  const dates = new Map<string, number>();
  let earliestAfterMs = nowMs;
  for (const dictation of dictations) {
    const own = ownMs(dictation);
    if (own <= nowMs) earliestAfterMs = Math.min(earliestAfterMs, own);
    dates.set(dictation.id, own <= nowMs ? own : earliestAfterMs);
  }
  let latestBeforeMs = -Infinity;
  for (const { id, changedMs } of dictations.toReversed()) {
    if (changedMs < latestBeforeMs) dates.set(id, Math.max(dates.get(id) ?? nowMs, latestBeforeMs));
    else if (changedMs <= nowMs) latestBeforeMs = changedMs;
  }
  return dates;
}

function bytesOf({ durationSeconds, audioBytes }: Candidate): number {
  return audioBytes ?? WAV_HEADER_BYTES + durationSeconds * SAMPLE_RATE * BYTES_PER_SAMPLE;
}
