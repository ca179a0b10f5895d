/** For pipes and files: one line per finished file on stderr. */
import { clock, formatSpeed } from '../../format-duration.js';
import { errorLine, fileWaitText, isSlowFile } from './transcribe-view.js';
import type { BatchProgress } from '../../batch/batch-progress.js';
import { displayPath, displayTarget } from '../../display-path.js';
import type { BatchView } from '../../batch/batch-view.js';

export function plainBatchView(progress: BatchProgress): BatchView {
  let waitedFor = '';
  const printLine = (line: string): void => void process.stderr.write(`${line.replace(/[\r\n]+/g, ' ')}\n`);
  const where = (): string => `[${progress.files - progress.left}/${progress.files}] `;
  return {
    scanning: () => undefined,
    waiting: (what) => {
      if (what !== waitedFor) printLine(`sotto: ${what}`);
      waitedFor = what;
    },
    event: (file, event) => {
      if (isSlowFile(event)) printLine(`sotto: ${displayPath(file.path)}: ${fileWaitText(event)}`);
    },
    done: (file, { segments, summary: { durationSeconds, timings } }) => {
      waitedFor = '';
      const speed = timings.total > 0 ? `, ${formatSpeed(durationSeconds / timings.total)} real time` : '';
      const empty = segments.length === 0 ? 'no speech found; ' : '';
      printLine(
        `${where()}${displayPath(file.path)} → ${displayTarget(file.path, file.target)}  ${empty}${clock(durationSeconds)} of audio in ${timings.total.toFixed(1)} s${speed}`,
      );
    },
    failed: (file, error) => printLine(`${where()}${errorLine(error, displayPath(file.path))}`),
    left: () => undefined,
    note: (text) => printLine(`sotto: ${text}`),
    close: () => undefined,
  };
}
