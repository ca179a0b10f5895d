import { describe, expect, test } from '@jest/globals';
import { identityOf, placeKeyOf, type BatchJob } from '#daemon/batch/batch-job.js';
import { StableFiles } from '#daemon/batch/stable-files.js';
import { displayPath } from '#daemon/display-path.js';
import { summaryTable } from '#daemon/cli/transcribe/batch-summary-view.js';
import { BatchProgress } from '#daemon/batch/batch-progress.js';
import { RetryPolicy } from '#daemon/batch/retry-policy.js';
import { styleFor } from '#daemon/cli/terminal/style.js';
import { SottoError, type ErrorCode } from '#daemon/protocol/errors.js';
import type { BatchFile } from '#daemon/store/batch/batch-run.js';
import { defined } from '#daemon/protocol/defined.js';

const error = (code: ErrorCode, cause?: string): SottoError =>
  new SottoError(code, 'so it is', cause === undefined ? {} : { cause: { code: cause } });

describe('RetryPolicy', () => {
  test.each<[ErrorCode, string]>([
    ['AUDIO_EMPTY', 'failed'],
    ['ENGINE_CRASHED', 'failed'],
    ['INTERNAL', 'failed'],
    ['MODEL_CORRUPT', 'stop'],
    ['INSUFFICIENT_MEMORY', 'stop'],
    ['DAEMON_UNAVAILABLE', 'stop'],
    ['ENGINE_UNAVAILABLE', 'stop'],
    ['DAEMON_LOST', 'retry'],
    ['BUSY', 'retry'],
  ])('%s before anything has worked: %s', (code, expected) => {
    expect(new RetryPolicy().decision(error(code), 1, false).action).toBe(expected);
  });

  test('retries a service that has worked, with growing pauses and a limit', () => {
    let nowMs = 0;
    const retryPolicy = new RetryPolicy(() => nowMs);
    retryPolicy.recordSuccess();
    const waits: number[] = [];
    for (;;) {
      const decision = retryPolicy.decision(error('ENGINE_UNAVAILABLE'), 1, false);
      if (decision.action !== 'retry') {
        expect(decision.action).toBe('stop');
        break;
      }
      waits.push(decision.afterMs);
      nowMs += decision.afterMs;
    }
    expect(waits.slice(0, 4)).toEqual([500, 1000, 2000, 4000]);
    // An engine that crashed five times restarts after three minutes.
    expect(nowMs).toBeGreaterThan(180_000);
    retryPolicy.recordSuccess();
    expect(retryPolicy.decision(error('ENGINE_UNAVAILABLE'), 1, false)).toEqual({
      action: 'retry',
      afterMs: 500,
    });
  });

  test('fails a file that keeps crashing the daemon, but not one that only waited', () => {
    const retryPolicy = new RetryPolicy();
    const lost = error('DAEMON_LOST');
    expect([1, 2, 3, 4].map(() => retryPolicy.decision(lost, 7, false).action)).toEqual(
      Array(4).fill('retry'),
    );
    expect([1, 2].map(() => retryPolicy.decision(lost, 8, true).action)).toEqual(['retry', 'failed']);
  });

  test('stops at a full disk, but fails only the files of a read-only folder', () => {
    expect(new RetryPolicy().decision(error('OUTPUT_FAILED', 'ENOSPC'), 1, true).action).toBe('stop');
    expect(new RetryPolicy().decision(error('OUTPUT_FAILED', 'EACCES'), 1, true).action).toBe('failed');
  });
});

describe('StableFiles', () => {
  test('reports a file once, when two scans a second apart find it unchanged', () => {
    let nowMs = 0;
    const stableFiles = new StableFiles(() => nowMs);
    const isNews = (bytes: number, modifiedMs = 1): boolean => {
      stableFiles.begin();
      return stableFiles.isNews({ type: 'file', path: '/a', root: '/', relative: 'a', bytes, modifiedMs });
    };
    expect([isNews(1), stableFiles.pending]).toEqual([false, true]);
    nowMs = 900;
    expect(isNews(1)).toBe(false);
    nowMs = 1000;
    expect([isNews(1), stableFiles.pending]).toEqual([true, false]);
    nowMs = 2000;
    expect([isNews(1), stableFiles.pending]).toEqual([false, false]);
    nowMs = 5000;
    expect([isNews(2), isNews(2, 3)]).toEqual([false, false]);
    nowMs = 6000;
    expect(isNews(2, 3)).toBe(true);
  });
});

describe('BatchProgress', () => {
  const counts = { waiting: 3, working: 0, done: 4, failed: 1, skipped: 2 };

  test('counts files of earlier processes but not for the speed', () => {
    let nowMs = 0;
    const progress = new BatchProgress(() => nowMs);
    expect(progress.known).toBe(false);
    const files = ['a.wav', 'b.wav', 'c.wav'].map((path) => ({ path, bytes: 1000 }));
    progress.set(counts, files);
    progress.started();
    nowMs = 2000;
    progress.fileDone({ path: 'a.wav', bytes: 1000 }, 60);
    expect([progress.files, progress.left, progress.done, progress.failed, progress.skipped]).toEqual([
      10, 2, 5, 1, 2,
    ]);
    expect([progress.audioSeconds, progress.speed, progress.remainingSeconds]).toEqual([60, 30, 4]);
    progress.fileFailed({ path: 'b.wav', bytes: 1000 });
    expect([progress.left, progress.failed, progress.remainingSeconds]).toEqual([1, 2, 2]);
  });

  test('estimates the audio per byte for each file type', () => {
    let nowMs = 0;
    const progress = new BatchProgress(() => nowMs);
    const left = [
      { path: 'a.wav', bytes: 1000 },
      { path: 'b.opus', bytes: 10 },
      { path: 'c.OPUS', bytes: 20 },
    ];
    progress.set(counts, left);
    expect(progress.remainingSeconds).toBeUndefined();
    progress.started();
    nowMs = 1000;
    progress.fileDone({ path: 'b.opus', bytes: 10 }, 10);
    expect(progress.remainingSeconds).toBe(102);
    nowMs = 2000;
    progress.fileDone({ path: 'a.wav', bytes: 1000 }, 10);
    expect(progress.remainingSeconds).toBe(2);
  });
});

describe('the identity of a run', () => {
  const job: BatchJob = {
    args: ['in'],
    find: { recursive: true },
    format: 'srt',
    options: { language: 'en', beamSize: 5 },
    overwrite: false,
    watch: false,
    restart: false,
    quiet: false,
    jobs: 4,
  };

  test('is equal for commands with the same texts', () => {
    const same: BatchJob[] = [
      { ...job, args: ['./in/'], options: { beamSize: 5, language: 'en' } },
      { ...job, jobs: 1, restart: true, overwrite: true, quiet: true, summary: 'x.json' },
    ];
    expect(same.map(identityOf)).toEqual([identityOf(job), identityOf(job)]);
  });

  test('differs for other texts, places or files', () => {
    const others: BatchJob[] = [
      { ...job, args: ['in', 'more'] },
      { ...job, find: { recursive: false } },
      { ...job, find: { recursive: true, include: ['*.mp3'] } },
      { ...job, format: 'vtt' },
      { ...job, writer: { highlightWords: true } },
      { ...job, options: { language: 'de', beamSize: 5 } },
      { ...job, model: 'base' },
      { ...job, output: 'out' },
      { ...job, watch: true },
    ];
    expect(new Set([job, ...others].map(identityOf)).size).toBe(others.length + 1);
    // The same output names conflict, whatever the texts are.
    expect(placeKeyOf({ ...job, model: 'base', options: {} })).toBe(placeKeyOf(job));
    expect(placeKeyOf({ ...job, output: 'out' })).not.toBe(placeKeyOf(job));
  });
});

test('shows paths relative to the working folder, absolute elsewhere', () => {
  expect(displayPath('/home/me/talks/a.mp3', '/home/me')).toBe('talks/a.mp3');
  expect(displayPath('/disk/a.mp3', '/home/me')).toBe('/disk/a.mp3');
  expect(displayPath('/home/me..x/a.mp3', '/home/me')).toBe('/home/me..x/a.mp3');
});

test('the summary lists failures by reason, the most frequent first', () => {
  const of = (path: string, state: BatchFile['state'], code?: ErrorCode): BatchFile => ({
    number: 1,
    path,
    target: '/out',
    modifiedMs: 1,
    bytes: 1,
    state,
    ...defined({
      failure: code === undefined ? undefined : { code, message: 'so it is', hint: 'do something' },
    }),
  });
  const files = [
    of('/a', 'done'),
    of('/b', 'failed', 'AUDIO_TRUNCATED'),
    ...Array.from({ length: 10 }, (_, n) => of(`/${n}`, 'failed', 'AUDIO_EMPTY')),
    of('/c', 'skipped'),
    of('/d', 'waiting'),
  ];
  expect(summaryTable({ files, audioSeconds: 120, elapsedSeconds: 10 }, styleFor(false)).split('\n')).toEqual(
    [
      '  done      1  2:00 of audio in 0:10, 12× real time',
      '  skipped   1  already transcribed (--force repeats them)',
      '  left      1  run again to resume',
      '  failed   11',
      '    10 × no audio — do something',
      ...Array.from({ length: 8 }, (_, n) => `        /${n}`),
      '        … and 2 more',
      '    1 × ends early — do something',
      '        /b',
      '',
    ],
  );
});
