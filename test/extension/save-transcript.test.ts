import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FileText } from '#daemon/client/index.js';
import { scriptedSegment } from '#test/harness/fake-audio.js';
import { describeModule } from './describe-module.js';

interface SaveTranscript {
  readonly saveTranscript: (text: FileText, format: 'txt' | 'srt' | 'vtt' | 'json') => Promise<string>;
}

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'file-save-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function spoken(name: string, segments = 2): FileText {
  const timings = { load: 0, mel: 0, encode: 0, decode: 0, total: 1 };
  const summary = { language: 'en', durationSeconds: segments, timings, model: 'm', segments };
  return {
    file: { id: '1', path: join(folder, name), addedMs: 0, state: 'final', doneSeconds: segments, summary },
    segments: Array.from({ length: segments }, (_, at) => scriptedSegment(at)),
  };
}

await describeModule<SaveTranscript>('files/save-transcript', ({ saveTranscript }) => {
  test('saves next to the file under its name', async () => {
    expect(await saveTranscript(spoken('a talk.v2.m4a'), 'srt')).toBe(join(folder, 'a talk.v2.srt'));
    expect(readFileSync(join(folder, 'a talk.v2.srt'), 'utf8')).toMatch(/^1\n00:00:00,000 --> /);
  });

  test('never overwrites a file, even with concurrent saves', async () => {
    writeFileSync(join(folder, 'talk.txt'), 'mine');
    const paths = await Promise.all(
      Array.from({ length: 5 }, () => saveTranscript(spoken('talk.wav'), 'txt')),
    );
    expect([...paths].sort()).toEqual([2, 3, 4, 5, 6].map((number) => join(folder, `talk ${number}.txt`)));
    expect(readFileSync(join(folder, 'talk.txt'), 'utf8')).toBe('mine');
    expect(readdirSync(folder)).toHaveLength(6);
  });

  test('breaks long sentences into two readable lines', async () => {
    const text = spoken('talk.wav', 1);
    const segment = { ...scriptedSegment(0), end: 12, text: ' one two three four five'.repeat(8) };
    const path = await saveTranscript({ ...text, segments: [segment] }, 'vtt');
    const lines = readFileSync(path, 'utf8').split('\n');
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(42);
  });

  test('fails if it cannot write or if there is no text', async () => {
    rmSync(folder, { recursive: true });
    await expect(saveTranscript(spoken('talk.wav'), 'txt')).rejects.toMatchObject({ code: 'OUTPUT_FAILED' });
    const { file, segments } = spoken('talk.wav');
    const { summary: _, ...unfinished } = file;
    await expect(saveTranscript({ file: unfinished, segments }, 'txt')).rejects.toThrow(
      'hasn’t been transcribed yet',
    );
  });
});
