import { mkdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { codeOf, dictationsAsCsv, dictationsAsMarkdown } from 'sotto/protocol';
import type { PastDictation } from 'sotto/protocol';

export type ExportFormat = 'txt' | 'json' | 'csv' | 'md';

export function formatDictations(dictations: readonly PastDictation[], format: ExportFormat): string {
  switch (format) {
    case 'txt':
      return `${dictations.map(({ text }) => text.trim()).join('\n\n')}\n`;
    case 'json':
      return `${JSON.stringify(dictations.map(withoutSearchFields), null, 2)}\n`;
    case 'csv':
      // Spreadsheets detect UTF-8 by the byte order mark.
      return `\uFEFF${dictationsAsCsv(dictations)}`;
    case 'md':
      return dictationsAsMarkdown(dictations);
  }
}

/**
 * Never overwrites a file: writes `talk 2.txt` if `talk.txt` exists.
 * @returns its path
 */
export function writeNewFile(folder: string, name: string, extension: string, text: string): string {
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

export function downloadsFolder(): string {
  return join(process.env.HOME ?? homedir(), 'Downloads');
}

/** `Dictation 2026-11-22 14.03`: file names cannot have a colon. */
export function exportName({ startedMs }: Pick<PastDictation, 'startedMs'>): string {
  const date = new Date(startedMs);
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `Dictation ${day} ${two(date.getHours())}.${two(date.getMinutes())}`;
}

function withoutSearchFields({ startedMs, ...rest }: PastDictation): object {
  const fields = Object.entries(rest).filter(([name]) => name !== 'snippet' && name !== 'marks');
  return { started: new Date(startedMs).toISOString(), ...Object.fromEntries(fields) };
}
