/** `⠹ ━━━━━━━━──────── 42%  1:23 / 3:20  12× real time  0:10 left`, shortened to fit. */
import { clock, formatSpeed } from '../../format-duration.js';
import { columnsOf, fitStart } from './columns.js';
import type { Style } from './style.js';

const SPINNER = '⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏';
const SPIN_MS = 80;
const MAX_BAR = 28;

interface FileProgress {
  /** What it waits for, before there is progress. */
  readonly waiting?: string;
  /** Seconds of audio done and, if known, in total. */
  readonly doneSeconds: number;
  readonly totalSeconds?: number;
  readonly elapsedSeconds: number;
}

export function progressLine(progress: FileProgress, columns: number, style: Style): string {
  const spinner = spinnerAt(progress.elapsedSeconds * 1000);
  if (progress.waiting !== undefined)
    return `${style.cyan(spinner)} ${style.dim(fitStart(progress.waiting, columns - 2))}`;
  const { doneSeconds, totalSeconds, elapsedSeconds } = progress;
  if (doneSeconds <= 0) {
    // The first window (30 s) gives no progress: a bar at 0 % would look stuck.
    const length = totalSeconds === undefined ? '' : ` ${clock(totalSeconds)} of audio`;
    return `${style.cyan(spinner)} ${style.dim(fitStart(`transcribing${length}…`, columns - 2))}`;
  }
  const speed = elapsedSeconds > 0 ? doneSeconds / elapsedSeconds : 0;
  const known = totalSeconds !== undefined && totalSeconds > 0;
  const part = known ? Math.min(1, doneSeconds / totalSeconds) : 0;
  const facts = [
    known ? `${clock(doneSeconds)} / ${clock(totalSeconds)}` : clock(doneSeconds),
    ...(speed > 0 ? [`${formatSpeed(speed)} real time`] : []),
    ...(known && speed > 0 ? [`${clock(Math.max(0, totalSeconds - doneSeconds) / speed)} left`] : []),
  ];
  const percent = known ? `${String(Math.floor(part * 100)).padStart(3)}%` : '';
  // The last facts are dropped first.
  while (facts.length > 1 && columnsOf([percent, ...facts].join('  ')) > columns - 2) facts.pop();
  const text = [percent, ...facts].filter((fact) => fact !== '').join('  ');
  const room = Math.min(MAX_BAR, columns - 4 - columnsOf(text));
  const bar = known && room >= 8 ? `${drawBar(part, room, style)} ` : '';
  return `${style.cyan(spinner)} ${bar}${fitStart(text, columns - 2)}`;
}

export function spinnerAt(elapsedMs: number): string {
  return SPINNER[Math.floor(elapsedMs / SPIN_MS) % SPINNER.length] ?? '';
}

export function drawBar(part: number, width: number, style: Style): string {
  const full = Math.round(part * width);
  return style.green('━'.repeat(full)) + style.dim('─'.repeat(width - full));
}
