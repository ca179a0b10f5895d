/** Exports past dictations as CSV and Markdown, for the command line and the extension. */
import type { PastDictation } from './history.js';

export type ExportedDictation = Pick<
  PastDictation,
  'id' | 'startedMs' | 'durationSeconds' | 'state' | 'language' | 'model' | 'text'
>;

const COLUMNS: readonly [string, (dictation: ExportedDictation) => string][] = [
  ['started', ({ startedMs }) => new Date(startedMs).toISOString()],
  ['seconds', ({ durationSeconds }) => String(durationSeconds)],
  ['state', ({ state }) => state],
  ['language', ({ language }) => language ?? ''],
  ['model', ({ model }) => model],
  ['text', ({ text }) => text.trim()],
  ['id', ({ id }) => id],
];

/** RFC 4180, with a header row. */
export function dictationsAsCsv(dictations: readonly ExportedDictation[]): string {
  const rows = dictations.map((one) => COLUMNS.map(([, cell]) => cell(one)));
  return [COLUMNS.map(([name]) => name), ...rows].map(csvLine).join('');
}

/** One section for each dictation, under its time. */
export function dictationsAsMarkdown(dictations: readonly ExportedDictation[]): string {
  return `# Dictations\n${dictations.map(section).join('')}`;
}

function csvLine(values: readonly string[]): string {
  const quoted = values.map((value) => (/[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value));
  return `${quoted.join(',')}\r\n`;
}

function section({ startedMs, durationSeconds, text, language }: ExportedDictation): string {
  const when = new Date(startedMs).toLocaleString('en-US', { dateStyle: 'full', timeStyle: 'short' });
  const facts = [lengthOf(durationSeconds), ...(language === undefined ? [] : [language])].join(' · ');
  return `\n## ${when}\n\n*${facts}*\n\n${text.trim()}\n`;
}

/** `0:07`, `12:30`, `1:02:03`. */
function lengthOf(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (value: number): string => String(value).padStart(2, '0');
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return `${hours > 0 ? `${hours}:${two(minutes)}` : minutes}:${two(whole % 60)}`;
}
