/** Shows a download: a progress line on a terminal, occasional lines elsewhere. */
import { CATALOGUE, licenseText } from '../../store/catalogue/index.js';
import {
  formatBytes,
  type DownloadProgress,
  type PullEvent,
  type PullWithFallbackEvent,
} from '../../store/download/index.js';
import { columnsOf, fitStart } from '../terminal/columns.js';
import { LiveArea } from '../terminal/live-area.js';
import { clock } from '../../format-duration.js';
import { spinnerAt } from '../terminal/progress-line.js';
import { styleFor, wantsColor, type Style } from '../terminal/style.js';

interface PullView {
  event(event: PullWithFallbackEvent): void;
  /** The downloaded share, `43%`; undefined before it is known. */
  percent(): string | undefined;
  close(): void;
}

const MAX_BAR = 28;

/** @param isQuiet show nothing */
export function pullView(wanted: string, isQuiet = false): PullView {
  const { stderr } = process;
  if (isQuiet) return quietView();
  return stderr.isTTY && process.env.TERM !== 'dumb' ? terminalView(wanted) : plainView(wanted);
}

function terminalView(wanted: string): PullView {
  const style = styleFor(wantsColor(process.stderr));
  const sinceMs = performance.now();
  let waiting: string | undefined = `looking up ${wanted}…`;
  let progress: DownloadProgress | undefined;
  let started: DownloadProgress | undefined;
  const area = new LiveArea(process.stderr, (columns) => {
    const spinner = style.cyan(spinnerAt(performance.now() - sinceMs));
    if (progress === undefined || waiting !== undefined)
      return [`${spinner} ${style.dim(fitStart(waiting ?? '', columns - 2))}`];
    return [`${spinner} ${downloadLine(progress, columns - 2, style)}`];
  });
  area.open();
  return {
    event(event) {
      if (event.type === 'waiting') waiting = `waiting for another process that is downloading ${wanted}…`;
      if (event.type === 'resolving') waiting = `looking up ${event.repo}…`;
      if (event.type === 'found') {
        area.above(() => process.stderr.write(`${foundLine(event)}\n`));
        started = progress = {
          stage: 'downloading',
          doneBytes: event.downloadedBytes,
          totalBytes: event.model.bytes,
        };
        waiting = undefined;
      }
      if (event.type === 'progress') {
        waiting = undefined;
        if (event.stage === 'downloading') started = event;
        progress = event;
      }
      if (event.type === 'fallback') area.above(() => process.stderr.write(`${fallbackLine(event)}\n`));
      if (event.type === 'retry') waiting = retryLine(event);
    },
    percent: () => percentOf(started),
    close: () => area.close(),
  };
}

function quietView(): PullView {
  let latest: DownloadProgress | undefined;
  return {
    event(event) {
      if (event.type === 'progress' && event.stage === 'downloading') latest = event;
    },
    percent: () => percentOf(latest),
    close: () => undefined,
  };
}

/** Lines for a log: one per 10%. */
function plainView(wanted: string): PullView {
  const put = (line: string): void => void process.stderr.write(`${line}\n`);
  let tenth = -1;
  let stage: DownloadProgress['stage'] | undefined;
  let latest: DownloadProgress | undefined;
  return {
    event(event) {
      if (event.type === 'resolving') put(`looking up ${event.repo}`);
      if (event.type === 'waiting') put(`waiting for another process that is downloading ${wanted}`);
      if (event.type === 'found') {
        put(foundLine(event));
        latest = { stage: 'downloading', doneBytes: event.downloadedBytes, totalBytes: event.model.bytes };
      }
      if (event.type === 'fallback') put(fallbackLine(event));
      if (event.type === 'retry') put(retryLine(event));
      if (event.type !== 'progress') return;
      if (event.stage === 'verifying') {
        if (stage !== 'verifying') put('verifying');
        stage = 'verifying';
        return;
      }
      latest = event;
      stage = event.stage;
      const now = Math.floor((partOf(event) ?? 0) * 10);
      if (now <= tenth) return;
      tenth = now;
      put(factsOf(event).join('  '));
    },
    percent: () => percentOf(latest),
    close: () => undefined,
  };
}

/** `━━━━━━──────  42%  680 MB of 1.61 GB  35 MB/s  0:27 left`, shortened to fit. */
export function downloadLine(progress: DownloadProgress, columns: number, style: Style): string {
  const facts = factsOf(progress);
  // The last facts are dropped first.
  while (facts.length > 1 && columnsOf(facts.join('  ')) > columns) facts.pop();
  const text = facts.join('  ');
  const room = Math.min(MAX_BAR, columns - 1 - columnsOf(text));
  const full = Math.round((partOf(progress) ?? 0) * room);
  const bar = room >= 8 ? `${style.green('━'.repeat(full))}${style.dim('─'.repeat(room - full))} ` : '';
  return `${bar}${fitStart(text, columns)}`;
}

function factsOf(progress: DownloadProgress): string[] {
  const { stage, doneBytes, totalBytes, bytesPerSecond, secondsLeft } = progress;
  const percent = (percentOf(progress) ?? '').padStart(4);
  if (stage === 'verifying') return [percent, 'verifying…'];
  return [
    percent,
    `${formatBytes(doneBytes)} of ${formatBytes(totalBytes)}`,
    ...(bytesPerSecond === undefined ? [] : [`${formatBytes(bytesPerSecond)}/s`]),
    ...(secondsLeft === undefined || doneBytes >= totalBytes ? [] : [`${clock(secondsLeft)} left`]),
  ];
}

function foundLine({ name, model, downloadedBytes }: Extract<PullEvent, { type: 'found' }>): string {
  const files = model.files.length === 1 ? '1 file' : `${model.files.length} files`;
  const had = downloadedBytes > 0 ? `, ${formatBytes(downloadedBytes)} already downloaded` : '';
  const entry = CATALOGUE.find(({ repo }) => repo === model.repo);
  const license = entry === undefined ? '' : `, license ${licenseText(entry)}`;
  const from = `${model.repo} at ${model.commit.slice(0, 8)}`;
  return `${name}: ${files}, ${formatBytes(model.bytes)} from ${from}${had}${license}`;
}

function fallbackLine({ name, fallbackFor }: Extract<PullWithFallbackEvent, { type: 'fallback' }>): string {
  return `${fallbackFor.error.message}: downloading ${name} instead`;
}

function retryLine({ why, waitMs }: Extract<PullEvent, { type: 'retry' }>): string {
  return waitMs < 1000 ? `${why}: retrying` : `${why}: retrying in ${Math.round(waitMs / 1000)} s`;
}

function partOf({ doneBytes, totalBytes }: DownloadProgress): number | undefined {
  return totalBytes > 0 ? Math.min(1, doneBytes / totalBytes) : undefined;
}

function percentOf(progress: DownloadProgress | undefined): string | undefined {
  const part = progress === undefined ? undefined : partOf(progress);
  return part === undefined ? undefined : `${Math.floor(part * 100)}%`;
}
