/** The result of a batch: a table for people, JSON for programs. */
import { dirname, resolve } from 'node:path';
import { countsOf, keptIn, type Summary, type SummaryFile } from '../../batch/batch-summary.js';
import { displayPath } from '../../display-path.js';
import { clock, formatSpeed } from '../../format-duration.js';
import { defined } from '../../protocol/defined.js';
import type { ErrorCode } from '../../protocol/errors.js';
import type { Outputs } from '../../writers/placement/outputs.js';
import { sweepDrafts } from '../../writers/placement/place-text.js';
import { styleFor, wantsColor, type Style } from '../terminal/style.js';

/** Files listed per group of failures; the others are counted. */
const MAX_LISTED_FILES = 8;

const REASONS: Partial<Record<ErrorCode, string>> = {
  AUDIO_EMPTY: 'no audio',
  AUDIO_TRUNCATED: 'ends early',
  AUDIO_UNSUPPORTED: 'not a supported audio file',
  AUDIO_NOT_FOUND: 'file not found',
  AUDIO_UNREADABLE: 'can’t be read',
  OUTPUT_FAILED: 'couldn’t write the transcript',
  ENGINE_CRASHED: 'crashed the speech engine',
  ENGINE_OOM: 'not enough memory',
  DAEMON_LOST: 'crashed the daemon',
  TIMEOUT: 'took too long',
};

export function summaryTable(summary: Summary, style: Style): string {
  const { files, audioSeconds, elapsedSeconds } = summary;
  const counts = countsOf(files);
  const left = counts.waiting + counts.working;
  const kept = keptIn(files);
  const speed =
    audioSeconds > 0 && elapsedSeconds > 0
      ? `${clock(audioSeconds)} of audio in ${clock(elapsedSeconds)}, ${formatSpeed(audioSeconds / elapsedSeconds)} real time`
      : '';
  const width = String(files.length).length;
  const row = (what: string, count: number, more = ''): string[] =>
    count === 0 && more === ''
      ? []
      : [`  ${what.padEnd(8)} ${String(count).padStart(width)}${more === '' ? '' : `  ${style.dim(more)}`}`];
  return [
    ...row('done', counts.done, speed),
    ...row(
      'skipped',
      counts.skipped - kept,
      counts.skipped > kept ? 'already transcribed (--force repeats them)' : '',
    ),
    ...row('kept', kept, kept > 0 ? 'edited, or not written by Sotto (--overwrite replaces them)' : ''),
    ...row('left', left, left > 0 ? 'run again to resume' : ''),
    ...row('failed', counts.failed),
    ...failureRows(
      files.filter(({ state }) => state === 'failed'),
      style,
    ),
  ]
    .map((line) => `${line}\n`)
    .join('');
}

/** Failures by reason, the most frequent first, with one hint each. */
function failureRows(failed: readonly SummaryFile[], style: Style): string[] {
  const groups = new Map<string, SummaryFile[]>();
  for (const file of failed) {
    const code = file.failure?.code ?? 'INTERNAL';
    const key = `${REASONS[code] ?? file.failure?.message ?? code}\n${file.failure?.hint ?? ''}`;
    groups.set(key, [...(groups.get(key) ?? []), file]);
  }
  const ordered = [...groups].sort(([, a], [, b]) => b.length - a.length);
  return ordered.flatMap(([key, files]) => {
    const [reason = '', hint = ''] = key.split('\n');
    const named = files.slice(0, MAX_LISTED_FILES).map(({ path }) => `        ${displayPath(path)}`);
    const more = files.length - named.length;
    return [
      `    ${style.red(`${files.length} × ${reason}`)}${hint === '' ? '' : style.dim(` — ${hint}`)}`,
      ...named,
      ...(more > 0 ? [style.dim(`        … and ${more} more`)] : []),
    ];
  });
}

function summaryJson({ files, audioSeconds, elapsedSeconds }: Summary): string {
  const { done, failed, skipped, waiting, working } = countsOf(files);
  return `${JSON.stringify(
    {
      files: files.length,
      done,
      failed,
      skipped,
      kept: keptIn(files),
      left: waiting + working,
      audioSeconds,
      elapsedSeconds,
      results: files.map(({ path, target, state, skipped, failure, audioSeconds, workSeconds }) => ({
        file: path,
        state: state === 'working' ? 'waiting' : state,
        ...(state === 'done' || state === 'skipped' ? { output: target } : {}),
        ...defined({ reason: skipped }),
        ...(failure !== undefined && { code: failure.code, message: failure.message, hint: failure.hint }),
        ...defined({ audioSeconds, workSeconds }),
      })),
    },
    undefined,
    2,
  )}\n`;
}

interface SummaryFlags {
  /** File for the JSON summary; `-` is stdout. */
  readonly summary?: string;
  /** Whether to omit the table. */
  readonly quiet?: boolean;
  readonly outputs: Pick<Outputs, 'placeOrFail'>;
  /** Cancels waiting for the reader of a named pipe. */
  readonly signal?: AbortSignal;
}

/**
 * Prints the table on stderr and writes JSON if requested.
 * @throws SottoError OUTPUT_FAILED, OUTPUT_EXISTS
 */
export async function writeSummary(
  summary: Summary,
  { summary: file, quiet = false, outputs, signal }: SummaryFlags,
): Promise<void> {
  if (summary.files.length > 0 && !quiet) {
    const { stderr } = process;
    const gap = stderr.isTTY ? '\n' : '';
    stderr.write(`${gap}${summaryTable(summary, styleFor(wantsColor(stderr)))}`);
  }
  if (file === '-') process.stdout.write(summaryJson(summary));
  else if (file !== undefined) {
    await sweepDrafts(dirname(resolve(file)));
    await outputs.placeOrFail(resolve(file), summaryJson(summary), defined({ signal }));
  }
}
