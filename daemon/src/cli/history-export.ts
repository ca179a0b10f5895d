/** `sotto history export`: past dictations as Markdown, a table or JSON. */
import { writeFile } from 'node:fs/promises';
import type { Paths } from '../paths.js';
import { codeOf, messageOf, SottoError } from '../protocol/errors.js';
import type { Dictation } from '../store/history/index.js';
import { EXPORT_FORMATS, type ExportFormat, type ExportRun } from './history-export-formats.js';
import { jsonOf, withHistory } from './history-open.js';
import { clock } from './terminal/progress-line.js';

/** The columns of the table, as the Raycast extension writes them. */
const COLUMNS: readonly [string, (dictation: Dictation) => string][] = [
  ['started', ({ startedMs }) => new Date(startedMs).toISOString()],
  ['seconds', ({ durationSeconds }) => String(durationSeconds)],
  ['state', ({ state }) => state],
  ['language', ({ language }) => language ?? ''],
  ['model', ({ model }) => model],
  ['text', ({ text }) => text.trim()],
  ['id', ({ id }) => id],
];

/** The exit code. @throws SottoError OUTPUT_FAILED */
export function exportHistory(paths: Paths, { format, output, limit }: ExportRun): Promise<number> {
  return withHistory(paths, async (history) => {
    const found = history.list({ limit: limit ?? Math.max(1, history.count()) });
    const chosen = format ?? formatOf(output);
    const text = exported(found, chosen, (one) => jsonOf(one, paths));
    if (output === undefined) process.stdout.write(text);
    else {
      await create(output, text);
      process.stderr.write(
        `${found.length} ${found.length === 1 ? 'dictation' : 'dictations'} saved to ${output}\n`,
      );
    }
    return 0;
  });
}

/** The newest first. @param json one dictation as JSON */
export function exported(
  dictations: readonly Dictation[],
  format: ExportFormat,
  json: (dictation: Dictation) => string,
): string {
  switch (format) {
    case 'json':
      return `[${dictations.map((one) => `\n  ${json(one)}`).join(',')}\n]\n`;
    case 'csv': {
      const rows = dictations.map((one) => COLUMNS.map(([, cell]) => cell(one)));
      return [COLUMNS.map(([name]) => name), ...rows].map(csvLine).join('');
    }
    case 'md':
      return `# Dictations\n${dictations.map(section).join('')}`;
  }
}

function formatOf(path: string | undefined): ExportFormat {
  return EXPORT_FORMATS.find((format) => path?.toLowerCase().endsWith(`.${format}`)) ?? 'md';
}

/** RFC 4180. */
function csvLine(values: readonly string[]): string {
  const quoted = values.map((value) => (/[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value));
  return `${quoted.join(',')}\r\n`;
}

function section({ startedMs, durationSeconds, text, language }: Dictation): string {
  const when = new Date(startedMs).toLocaleString('en-US', { dateStyle: 'full', timeStyle: 'short' });
  const facts = [clock(durationSeconds), ...(language === undefined ? [] : [language])].join(' · ');
  return `\n## ${when}\n\n*${facts}*\n\n${text.trim()}\n`;
}

async function create(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text, { flag: 'wx' });
  } catch (cause) {
    if (codeOf(cause) === 'EEXIST') {
      throw new SottoError('OUTPUT_FAILED', `${path} already exists`, {
        cause,
        hint: 'choose another name, or move the file away',
      });
    }
    throw new SottoError('OUTPUT_FAILED', `can't write ${path}: ${messageOf(cause)}`, { cause });
  }
}
