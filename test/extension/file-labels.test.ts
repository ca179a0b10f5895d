import { expect, test } from '@jest/globals';
import type { FileJob } from '#daemon/client/index.js';
import { SottoError } from '#daemon/protocol/errors.js';
import { describeModule } from './describe-module.js';

interface FileLabels {
  readonly stateOf: (file: FileJob) => string;
  readonly progressOf: (file: FileJob) => number;
  readonly progressLabel: (file: FileJob) => string;
  readonly lengthOf: (file: FileJob) => string;
  readonly speedOf: (file: FileJob) => string | undefined;
  readonly folderOf: (file: FileJob, home: string) => string;
  readonly markdownOf: (file: FileJob, text?: string) => string;
}

function job(more: Partial<FileJob> = {}): FileJob {
  return { id: '1', path: '/talks/talk.m4a', addedMs: 0, state: 'running', doneSeconds: 0, ...more };
}

await describeModule<FileLabels>('files/file-labels', (labels) => {
  const { stateOf, progressOf, progressLabel, lengthOf, speedOf, folderOf, markdownOf } = labels;

  test('says what a queued file is waiting for', () => {
    expect(stateOf(job({ state: 'queued', position: 1 }))).toBe('Waiting…');
    expect(stateOf(job({ state: 'queued', position: 3 }))).toBe('Waiting (2 ahead)');
    expect(stateOf(job({ state: 'queued', waitsFor: 'file' }))).toBe('Waiting for macOS to Allow This File…');
    expect(markdownOf(job({ state: 'queued', waitsFor: 'file' }))).toContain('Allow access if macOS asks');
    expect(stateOf(job({ waitsFor: 'model' }))).toBe('Loading the model…');
    expect(markdownOf(job({ waitsFor: 'model' }))).toContain('Loading the model');
  });

  test('shows the progress of a running file as far as its length is known', () => {
    const known = job({ doneSeconds: 65, durationSeconds: 130 });
    expect([progressOf(known), progressLabel(known), lengthOf(known)]).toEqual([0.5, '50%', '1:05 of 2:10']);
    const unknown = job({ doneSeconds: 65 });
    expect([progressOf(unknown), progressLabel(unknown), lengthOf(unknown)]).toEqual([0, '1:05', '1:05']);
    expect(progressOf(job({ doneSeconds: 12, durationSeconds: 10 }))).toBe(1);
  });

  test('shows tentative text in italics, escaped', () => {
    expect(markdownOf(job({ tail: ' It is *so*.', tentative: ' And' }))).toBe('It is \\*so\\*. *And*');
    expect(markdownOf(job({ tail: 'x'.repeat(3) + ' word'.repeat(250).slice(0, 997) }))).toMatch(/^…word/);
  });

  test('shows the text, that it is loading, or that there is none', () => {
    const done = job({ state: 'final' });
    expect(markdownOf(done)).toBe('*One moment…*');
    expect(markdownOf(done, '')).toBe('*No speech detected.*');
    expect(markdownOf(done, 'All of it.')).toBe('All of it.');
    const book = markdownOf(done, 'word '.repeat(10_000));
    expect(book.length).toBeLessThan(21_000);
    expect(book).toContain('use the full text');
  });

  test('shows why it failed and what to do, below the text so far', () => {
    const error = new SottoError('AUDIO_TRUNCATED', 'the file breaks off', {
      hint: 'copy it again',
    }).toWire();
    const failed = job({ state: 'failed', error });
    expect(markdownOf(failed)).toBe('# Transcription failed\n\n> The file breaks off. Copy it again.');
    expect(markdownOf(failed, 'Until here')).toMatch(/^Until here\n\n> The file breaks off/);
  });

  test('abbreviates the home folder', () => {
    const paths = ['/Users/me/a.wav', '/Users/me/Talks/a.wav', '/Users/mel/a.wav'];
    expect(paths.map((path) => folderOf(job({ path }), '/Users/me'))).toEqual(['~', '~/Talks', '/Users/mel']);
  });

  test('compares the time with the length of the audio', () => {
    const timings = { load: 0, mel: 0, encode: 0, decode: 0, total: 2 };
    const summary = { language: 'en', durationSeconds: 90, timings, model: 'm', segments: 1 };
    expect(speedOf(job({ state: 'final', summary }))).toBe('2.0 s (45× real time)');
    expect(speedOf(job())).toBeUndefined();
  });
});
