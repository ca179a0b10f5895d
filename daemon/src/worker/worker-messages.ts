/** Log messages of a worker: names and figures, never transcript text. */
import { clock } from '../format-duration.js';
import type { JobResult } from './queue-job.js';

/** `done: talks/a.mp3, 12:30 in 41 s`. */
export function resultMessage(
  name: string,
  { outcome, durationSeconds }: JobResult,
  elapsedMs: number,
): string {
  if (outcome === 'there') return `already transcribed: ${oneLine(name)}`;
  const length = durationSeconds === undefined ? '' : `, ${clock(durationSeconds)} of audio`;
  return `done: ${oneLine(name)}${length} in ${(elapsedMs / 1000).toFixed(elapsedMs < 10_000 ? 1 : 0)} s`;
}

export function timeLeft(jobs: number, graceMs: number): string {
  const which = jobs === 1 ? 'the current file gets' : `${jobs} current files get`;
  return `${which} ${graceMs / 1000} s, then ${jobs === 1 ? 'goes' : 'go'} back to the queue`;
}

/** File names may contain line breaks and control characters. */
export function oneLine(name: string): string {
  return name.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ');
}
