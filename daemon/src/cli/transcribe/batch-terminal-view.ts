/** For terminals: finished files scroll; below them the active files and a total are redrawn in place. */
import type { WriteStream } from 'node:tty';
import type { BatchFile } from '../../store/batch/batch-run.js';
import { columnsOf, fitEnd, padEnd } from '../terminal/columns.js';
import { LiveArea } from '../terminal/live-area.js';
import { clock, formatSpeed } from '../../format-duration.js';
import { drawBar, spinnerAt } from '../terminal/progress-line.js';
import { styleFor, wantsColor, type Style } from '../terminal/style.js';
import { errorLine, fileWaitText } from './transcribe-view.js';
import type { BatchProgress } from '../../batch/batch-progress.js';
import { displayPath, displayTarget } from '../../display-path.js';
import type { BatchView } from '../../batch/batch-view.js';

/** An engine transcribes one file at a time; further active files are waiting and not all shown. */
const MAX_ACTIVE_ROWS = 3;
const BAR = 20;

interface AtWork {
  readonly name: string;
  doneSeconds: number;
  totalSeconds: number | undefined;
}

export function terminalBatchView(stream: WriteStream, progress: BatchProgress): BatchView {
  const style = styleFor(wantsColor(stream));
  const beganMs = performance.now();
  const atWork = new Map<number, AtWork>();
  let found = 0;
  let waiting: string | undefined;

  const area = new LiveArea(stream, (columns) => {
    const spinner = style.cyan(spinnerAt(performance.now() - beganMs));
    if (!progress.known) {
      const scanning = found === 0 ? 'looking for files…' : `looking for files… ${found}`;
      return [`${spinner} ${style.dim(waiting ?? scanning)}`];
    }
    const rows = [...atWork.values()]
      .slice(0, MAX_ACTIVE_ROWS)
      .map((file) => fileRow(file, columns - 2, style));
    // Always one row, because the total below would jump between two files.
    if (rows.length === 0) rows.push(style.dim(fitEnd(waiting ?? 'opening the next file…', columns - 2)));
    const parts = [...atWork.values()].map(partOf).reduce((sum, part) => sum + part, 0);
    return [...rows.map((row) => `  ${row}`), `${spinner} ${totalRow(progress, parts, columns - 2, style)}`];
  });
  area.open();

  const printLine = (text: string): void => area.above(() => void stream.write(`${text}\n`));

  return {
    scanning: (files) => void (found = files),
    waiting: (what) => void (waiting = what),
    event(file: BatchFile, event) {
      if (event.type === 'waiting') {
        if (event.for === 'file') waiting = `${displayPath(file.path)}: ${fileWaitText(event)}`;
        else if (event.for !== 'queue')
          waiting = event.for === 'model' ? 'loading model…' : 'starting the speech engine…';
        return;
      }
      waiting = undefined;
      if (event.type === 'started') {
        if (event.attempt > 1)
          printLine(style.dim(`speech engine restarted, trying ${displayPath(file.path)} again`));
        atWork.set(file.number, {
          name: displayPath(file.path),
          doneSeconds: 0,
          totalSeconds: event.durationSeconds,
        });
      }
      const row = atWork.get(file.number);
      if (event.type === 'progress' && row !== undefined) row.doneSeconds = event.seconds;
    },
    done(file, { segments, summary: { durationSeconds, timings } }) {
      atWork.delete(file.number);
      const facts = [
        ...(segments.length === 0 ? ['no speech found'] : []),
        `${clock(durationSeconds)} of audio in ${timings.total.toFixed(1)} s`,
        ...(timings.total > 0 ? [formatSpeed(durationSeconds / timings.total)] : []),
      ];
      printLine(
        `${displayPath(file.path)} ${style.dim(`→ ${displayTarget(file.path, file.target)}  ${facts.join(' · ')}`)}`,
      );
    },
    failed(file, error) {
      if (file.number !== undefined) atWork.delete(file.number);
      printLine(style.red(errorLine(error, displayPath(file.path))));
    },
    left: (file) => void atWork.delete(file.number),
    note: (text) => printLine(style.dim(text)),
    close: () => area.close(),
  };
}

function fileRow({ name, doneSeconds, totalSeconds }: AtWork, columns: number, style: Style): string {
  const known = totalSeconds !== undefined && totalSeconds > 0;
  const part = partOf({ doneSeconds, totalSeconds });
  const time = known ? `${clock(doneSeconds)} / ${clock(totalSeconds)}` : clock(doneSeconds);
  const facts = `${known ? percent(part) : '     '}  ${padEnd(time, 13)}  `;
  const room = columns - BAR - 2 - columnsOf(facts);
  if (room < 12) return fitEnd(name, columns);
  return `${drawBar(part, BAR, style)} ${facts}${fitEnd(name, room)}`;
}

/** The finished fraction of a file, 0 while unknown. */
function partOf({ doneSeconds, totalSeconds }: Pick<AtWork, 'doneSeconds' | 'totalSeconds'>): number {
  return totalSeconds !== undefined && totalSeconds > 0 ? Math.min(1, doneSeconds / totalSeconds) : 0;
}

/** @param parts sum of the finished fractions of the active files */
function totalRow(progress: BatchProgress, parts: number, columns: number, style: Style): string {
  const { files, left, failed, skipped, audioSeconds, speed, remainingSeconds } = progress;
  const part = files === 0 ? 1 : (files - left + parts) / files;
  const facts = [
    `${percent(part)}  ${files - left} / ${files} files`,
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(remainingSeconds !== undefined && left > 0 ? [`${clock(remainingSeconds)} left`] : []),
    ...(speed > 0 ? [`${formatSpeed(speed)} real time`] : []),
    ...(audioSeconds > 0 ? [`${clock(audioSeconds)} of audio`] : []),
    ...(skipped > 0 ? [`${skipped} skipped`] : []),
  ];
  // On narrow terminals the last facts are dropped.
  while (facts.length > 1 && columnsOf(facts.join('  ')) > columns - BAR - 1) facts.pop();
  const text = facts.join('  ');
  const room = Math.min(BAR, columns - 1 - columnsOf(text));
  return room >= 8 ? `${drawBar(part, room, style)} ${text}` : text;
}

function percent(part: number): string {
  return `${String(Math.floor(part * 100)).padStart(3)}%`;
}
