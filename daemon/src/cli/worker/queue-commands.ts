/** `sotto queue status | retry | clear`. Each returns the exit code. */
import { removeAll, removeFailed, retryFailed, statusOf, withQueue } from '../../worker/queue-status.js';
import { oneLine } from '../../worker/worker-messages.js';

/** Failed files shown; `--json` lists all. */
const MAX_SHOWN_FAILED = 20;

export function queueStatus(url: string, asJson: boolean): Promise<number> {
  return withQueue(url, async ({ queue }, shown) => {
    const status = await statusOf(queue, asJson ? Infinity : MAX_SHOWN_FAILED);
    if (asJson) {
      printLine(JSON.stringify({ queue: shown, ...status }));
      return 0;
    }
    const { counts, workers, active, failed } = status;
    const { waiting = 0, delayed = 0, active: busy = 0, completed = 0, failed: failedCount = 0 } = counts;
    printLine(
      `${shown}: ${waiting + delayed} waiting, ${busy} running, ${completed} done, ${failedCount} failed`,
    );
    printLine(
      workers.length === 0 ? 'no worker is connected' : `workers: ${workers.map(oneLine).join(', ')}`,
    );
    for (const { name, worker, seconds } of active)
      printLine(`  ${oneLine(worker)}: ${oneLine(name)}${seconds > 0 ? `, ${Math.floor(seconds)} s` : ''}`);
    for (const { name, code, message } of failed)
      printLine(`  failed: ${oneLine(name)}: ${oneLine(message)} (${code})`);
    if (failedCount > failed.length)
      printLine(`  and ${failedCount - failed.length} more (--json lists all)`);
    return 0;
  });
}

export function queueRetry(url: string): Promise<number> {
  return withQueue(url, async ({ queue }) => {
    const tried = await retryFailed(queue);
    printLine(tried === 0 ? 'no failed files' : `${countOf(tried)} queued again`);
    return 0;
  });
}

export function queueClear(url: string, all: boolean): Promise<number> {
  return withQueue(url, async (connection) => {
    if (all) {
      printLine(`${countOf(await removeAll(connection))} removed`);
      return 0;
    }
    const removed = await removeFailed(connection.queue);
    printLine(removed === 0 ? 'no failed files' : `${countOf(removed)} removed`);
    return 0;
  });
}

function countOf(files: number): string {
  return `${files} ${files === 1 ? 'file' : 'files'}`;
}

function printLine(line: string): void {
  process.stdout.write(`${line}\n`);
}
