import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { describeModule } from './describe-module.js';

interface HistoryExport {
  readonly formatDictations: (dictations: readonly object[], format: 'txt' | 'json' | 'csv' | 'md') => string;
  readonly writeNewFile: (folder: string, name: string, extension: string, text: string) => string;
  readonly exportName: (dictation: { startedMs: number }) => string;
}

await describeModule<HistoryExport>(
  'history/export-dictations',
  ({ formatDictations, writeNewFile, exportName }) => {
    const folder = mkdtempSync(join(tmpdir(), 'exported-'));
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    const startedMs = new Date(2026, 10, 22, 14, 3).getTime();
    const past = (text: string): object => ({
      id: 'a',
      startedMs,
      durationSeconds: 65.5,
      text,
      model: 'base',
      state: 'final',
      snippet: 'of a search',
      marks: [],
    });

    test('exports plain text', () => {
      expect(formatDictations([past(' One.\n'), past('Two.')], 'txt')).toBe('One.\n\nTwo.\n');
    });

    test('exports CSV with quoted fields', () => {
      const csv = formatDictations([past('He wrote: "yes, or\r\nno"'), past('plain')], 'csv');
      const started = new Date(startedMs).toISOString();
      expect(csv).toBe(
        `\uFEFFstarted,seconds,state,language,model,text,id\r\n` +
          `${started},65.5,final,,base,"He wrote: ""yes, or\r\nno""",a\r\n` +
          `${started},65.5,final,,base,plain,a\r\n`,
      );
    });

    test('exports JSON without the fields of a search', () => {
      expect(JSON.parse(formatDictations([past('One.')], 'json'))).toEqual([
        {
          started: new Date(startedMs).toISOString(),
          id: 'a',
          durationSeconds: 65.5,
          text: 'One.',
          model: 'base',
          state: 'final',
        },
      ]);
    });

    test('exports Markdown with the time above each dictation', () => {
      const text = formatDictations([past('One.')], 'md');
      expect(text).toMatch(/^# Dictations\n\n## Sunday, November 22, 2026/);
      expect(text).toContain('*1:05*\n\nOne.\n');
    });

    test('shows the hours of a long dictation, and its language if known', () => {
      const text = formatDictations([{ ...past('One.'), durationSeconds: 3723.9, language: 'de' }], 'md');
      expect(text).toContain('*1:02:03 · de*\n');
    });

    test('never overwrites a file', () => {
      const paths = ['a', 'b', 'c'].map((text) =>
        writeNewFile(join(folder, 'new'), 'Dictations', 'csv', text),
      );
      expect(readdirSync(join(folder, 'new')).sort()).toEqual([
        'Dictations 2.csv',
        'Dictations 3.csv',
        'Dictations.csv',
      ]);
      expect(paths.map((path) => readFileSync(path, 'utf8'))).toEqual(['a', 'b', 'c']);
    });

    test('names a file by its time, without a colon', () => {
      expect(exportName({ startedMs })).toBe('Dictation 2026-11-22 14.03');
    });
  },
);
