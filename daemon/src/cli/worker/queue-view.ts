/** Shows submitted jobs: the total progress, and what each machine is doing. */
import { displayPath } from '../../display-path.js';
import { fitStart } from '../terminal/columns.js';
import { LiveArea } from '../terminal/live-area.js';
import { clock } from '../../format-duration.js';
import { spinnerAt } from '../terminal/progress-line.js';
import { styleFor, wantsColor } from '../terminal/style.js';
import { errorLine } from '../transcribe/transcribe-view.js';
import type { JobProgress } from '../../worker/queue-job.js';
import type { QueueView, SubmissionCounts } from '../../worker/watched-jobs.js';
import { oneLine } from '../../worker/worker-messages.js';

const MAX_ROWS = 8;
const MAX_BAR = 28;

export function queueView(counts: () => SubmissionCounts): QueueView {
  const isTerminal = process.stderr.isTTY && process.env.TERM !== 'dumb';
  const active = new Map<string, { readonly name: string; readonly progress: JobProgress }>();
  const beganMs = performance.now();
  const area = isTerminal ? new LiveArea(process.stderr, (columns) => lines(columns)) : undefined;
  const above = (write: () => void): void => (area === undefined ? write() : area.above(write));
  const style = styleFor(wantsColor(process.stderr));
  const lines = (columns: number): string[] => {
    const { all, finished, failed } = counts();
    const facts = [`${finished} of ${all}`, ...(failed > 0 ? [`${failed} failed`] : [])];
    if (active.size === 0 && finished < all) facts.push('waiting for a worker');
    const summary = facts.join(' · ');
    const room = Math.min(MAX_BAR, columns - summary.length - 4);
    const full = Math.round((finished / Math.max(1, all)) * room);
    const bar = room < 8 ? '' : `${style.green('━'.repeat(full))}${style.dim('─'.repeat(room - full))} `;
    const rows = [...active.values()].slice(0, MAX_ROWS).map(({ name, progress }) => {
      const { worker, seconds, totalSeconds } = progress;
      const length = totalSeconds === undefined ? '' : ` / ${clock(totalSeconds)}`;
      const text = `  ${oneLine(worker)}  ${clock(seconds)}${length}  ${oneLine(name)}`;
      return style.dim(fitStart(text, columns));
    });
    return [`${style.cyan(spinnerAt(performance.now() - beganMs))} ${bar}${summary}`, ...rows];
  };
  area?.open();
  return {
    progress: (id, name, progress) => void active.set(id, { name, progress }),
    stopped: (id) => void active.delete(id),
    done: (name, target, { worker, durationSeconds }) => {
      // Shown on terminals only, as for local files.
      if (area === undefined) return;
      const facts = [
        ...(target === undefined ? [] : [`→ ${displayPath(target)}`]),
        ...(durationSeconds === undefined ? [] : [`${clock(durationSeconds)} of audio`]),
        `by ${oneLine(worker)}`,
      ];
      above(() => process.stderr.write(`${oneLine(name)} ${style.dim(facts.join(' · '))}\n`));
    },
    failed: (name, error) => above(() => process.stderr.write(`${errorLine(error, oneLine(name))}\n`)),
    put: (text) => above(() => process.stdout.write(text)),
    note: (text) => above(() => process.stderr.write(`sotto: ${text}\n`)),
    close: () => area?.close(),
  };
}

/** `studio 15, mini 12`: files per worker. */
export function byWorker(files: ReadonlyMap<string, number>): string {
  const ordered = [...files].sort((a, b) => b[1] - a[1]);
  return ordered.map(([name, count]) => `${oneLine(name)} ${count}`).join(', ');
}
