/** Past dictations as files: for a person, for a table, for a program. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { codeOf } from 'sotto/protocol';
import type { PastDictation } from 'sotto/protocol';
import { clockOf } from './take-markdown';

export type ExportFormat = 'txt' | 'json' | 'csv' | 'md';

/** Columns of the table, and how each is told. */
const COLUMNS: readonly [string, (dictation: PastDictation) => string][] = [
  ['started', ({ startedMs }) => new Date(startedMs).toISOString()],
  ['seconds', ({ durationSeconds }) => String(durationSeconds)],
  ['state', ({ state }) => state],
  ['language', ({ language }) => language ?? ''],
  ['model', ({ model }) => model],
  ['text', ({ text }) => text.trim()],
  ['id', ({ id }) => id],
];

export function exported(dictations: readonly PastDictation[], format: ExportFormat): string {
  switch (format) {
    case 'txt':
      return `${dictations.map(({ text }) => text.trim()).join('\n\n')}\n`;
    case 'json':
      return `${JSON.stringify(dictations.map(plain), null, 2)}\n`;
    case 'csv':
      // RFC 4180, with the mark by which spreadsheets know UTF-8.
      return `\uFEFF${[COLUMNS.map(([name]) => name), ...dictations.map(cells)].map(csvLine).join('')}`;
    case 'md':
      return `# Dictations\n${dictations.map(section).join('')}`;
  }
}

/**
 * Writes a file beside those that are there, never over one: `talk 2.txt`.
 * @returns its path
 */
export function writeBeside(folder: string, name: string, extension: string, text: string): string {
  mkdirSync(folder, { recursive: true });
  for (let number = 1; ; number++) {
    const path = join(folder, `${name}${number === 1 ? '' : ` ${number}`}.${extension}`);
    try {
      writeFileSync(path, text, { flag: 'wx' });
      return path;
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
  }
}

export function downloads(): string {
  return join(process.env.HOME ?? homedir(), 'Downloads');
}

/** `Dictation 2026-11-22 14.03`: no file name may hold a colon. */
export function nameOf({ startedMs }: Pick<PastDictation, 'startedMs'>): string {
  const date = new Date(startedMs);
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `Dictation ${day} ${two(date.getHours())}.${two(date.getMinutes())}`;
}

/** Without what a search has added. */
function plain({ startedMs, ...rest }: PastDictation): object {
  const own = Object.entries(rest).filter(([name]) => name !== 'snippet' && name !== 'marks');
  return { started: new Date(startedMs).toISOString(), ...Object.fromEntries(own) };
}

function cells(dictation: PastDictation): string[] {
  return COLUMNS.map(([, cell]) => cell(dictation));
}

function csvLine(values: readonly string[]): string {
  const quoted = values.map((value) => (/[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value));
  return `${quoted.join(',')}\r\n`;
}

function section({ startedMs, durationSeconds, text, language }: PastDictation): string {
  const when = new Date(startedMs).toLocaleString('en-US', { dateStyle: 'full', timeStyle: 'short' });
  const facts = [clockOf(durationSeconds), ...(language === undefined ? [] : [language])].join(' · ');
  return `\n## ${when}\n\n*${facts}*\n\n${text.trim()}\n`;
}
