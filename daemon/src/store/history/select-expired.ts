/** Which dictations are kept too long, and which audio. */
import { BYTES_PER_SAMPLE, SAMPLE_RATE } from '../../protocol/live.js';
import type { Retention } from '../../settings.js';
import { WAV_HEADER_BYTES } from '../recordings.js';
import type { Row } from '../sqlite/statements.js';
import { fromRow, type Dictation } from './dictation.js';

export const DAY_MS = 24 * 3600 * 1000;

interface Expired {
  /** Dictations that go. */
  readonly whole: readonly Dictation[];
  /** Others of which the audio goes. */
  readonly audio: readonly Dictation[];
}

export type Candidate = Dictation & {
  /** When it became what it is: final, for one that was recovered or had failed. */
  readonly changedMs: number;
  /** When the user saw that it had failed. */
  readonly seenMs?: number;
  /** When it was brought back out of the trash. */
  readonly restoredMs?: number;
};

export function toCandidate(row: Row): Candidate {
  return {
    ...fromRow(row),
    changedMs: Number(row.changed_ms),
    ...(typeof row.seen_ms === 'number' && { seenMs: row.seen_ms }),
    ...(typeof row.restored_ms === 'number' && { restoredMs: row.restored_ms }),
  };
}

/**
 * What the user has not seen (recovered, failed) stays with its audio until it is seen: history is there so that nothing of
 * that is lost. Audio that is not to be kept goes a day after the text was there, so that another model can be tried.
 *
 * @param dictations the last written first
 * @param nowMs a settled time (settled-time.ts)
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
    // Only a failed one can have been seen and not be final. One that was not seen is kept.
    return Math.max(dateMs, dictation.seenMs ?? Infinity) < nowMs - Math.max(1, keepDays) * DAY_MS;
  };
  const whole = dictations.filter(isOver);
  const recorded = dictations
    .filter((d) => d.audio !== undefined && !isOver(d))
    .sort((a, b) => a.startedMs - b.startedMs);
  const audio: Dictation[] = [];
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
 * Since when each is kept. One that was written by a clock that was behind (earlier, by that clock, than those before it) is no
 * older than those: it is not deleted once the clock is right. One that is dated in the future is as old as the next one that
 * is not.
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

function bytesOf({ durationSeconds }: Dictation): number {
  return WAV_HEADER_BYTES + durationSeconds * SAMPLE_RATE * BYTES_PER_SAMPLE;
}
