/** Recordings take their compact form a day after the text was final, and none is lost on the way. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { silentLog } from '#daemon/logger.js';
import { defined } from '#daemon/protocol/defined.js';
import { SottoError } from '#daemon/protocol/errors.js';
import { RecordingCompactor } from '#daemon/sessions/history/recording-compactor.js';
import type { EncodingQueue } from '#daemon/sessions/history/encode-recording.js';
import { Job, type EncodeNotice } from '#daemon/sessions/jobs/job.js';
import type { History } from '#daemon/store/history/index.js';
import { unpackCodes } from '#daemon/store/codes/packed-codes.js';
import { DAY_MS, fakeDictation, historyFixture, NOW } from '../store/history-fixture.js';

const fixture = historyFixture();
let history: History;
let recordings: string;
let settings: string;
beforeEach(() => {
  recordings = join(fixture.folder, 'recordings');
  settings = join(fixture.folder, 'settings.json');
  mkdirSync(recordings);
  writeFileSync(settings, JSON.stringify({ history: { keepAudio: true, compactAudio: true } }));
  history = fixture.open();
  // The clock is known to be right.
  history.trustedTime(NOW);
});

/** A dictation whose text is that old, with its recording. */
function keep(id: string, ageMs: number, state: 'final' | 'failed' = 'final'): void {
  fixture.nowMs = NOW - ageMs;
  history.noteRecording(`${id}.wav`);
  history.add(fakeDictation(id, { audio: `${id}.wav`, startedMs: NOW - ageMs, state }));
  fixture.nowMs = NOW;
  writeFileSync(join(recordings, `${id}.wav`), id);
}

type End = { readonly codes: number[]; readonly encodesOnly?: true } | { readonly error: SottoError };

/** Encodes each file as its answer says. */
function queueOf(answer: (path: string) => End): EncodingQueue & { readonly paths: string[] } {
  const paths: string[] = [];
  return {
    paths,
    cancel: (job) => job.cancel(),
    encode: (_client, request, notify) => {
      paths.push(request.path);
      const model = { name: 'codec', dir: '/codec' };
      const work = { task: 'encode', options: {} } as const;
      const job = new Job({
        number: 1,
        request,
        work,
        model,
        notify: (notice) => notify(notice as EncodeNotice),
      });
      queueMicrotask(() => {
        const end = answer(request.path);
        if (job.isOver) return;
        job.begin();
        if ('error' in end) job.fail(end.error);
        else {
          job.codes({ codes: [end.codes] }, 1);
          const { encodesOnly } = end;
          job.encoded({ sampleRate: 24_000, samples: 99, seconds: 1, ...defined({ encodesOnly }) });
        }
      });
      return job;
    },
  };
}

function compactor(queue: EncodingQueue): RecordingCompactor {
  return new RecordingCompactor({
    ...{ queue, recordings, settings, log: silentLog },
    history: () => Promise.resolve(history),
    nowMs: () => NOW,
  });
}

const audioOf = (id: string): string | undefined => history.get(id)?.audio;

describe('compact recordings', () => {
  test('replace WAVs that are a day old, the oldest first; not those of texts that failed', async () => {
    keep('new', DAY_MS - 1);
    keep('newer', DAY_MS + 1);
    keep('older', 5 * DAY_MS);
    keep('failed', 5 * DAY_MS, 'failed');
    const queue = queueOf(() => ({ codes: [3, 1, 2] }));
    await compactor(queue).run();
    expect(queue.paths).toEqual(['older', 'newer'].map((id) => join(recordings, `${id}.wav`)));
    expect(['new', 'newer', 'older', 'failed'].map(audioOf)).toEqual([
      'new.wav',
      'newer.codes',
      'older.codes',
      'failed.wav',
    ]);
    expect(readdirSync(recordings).sort()).toEqual(['failed.wav', 'new.wav', 'newer.codes', 'older.codes']);
    expect(unpackCodes(readFileSync(join(recordings, 'older.codes')))).toEqual({
      ...{ model: 'codec', sampleRate: 24_000, samples: 99, codes: [[3, 1, 2]] },
    });
    expect(history.recordingNames()).toContain('older.codes');
    await compactor(queue).run();
    expect(queue.paths).toHaveLength(2);
  });

  test.each([
    ['audio is not kept', { keepAudio: false, compactAudio: true }],
    ['they are not wanted', { keepAudio: true, compactAudio: false }],
    ['nothing is set', {}],
  ])('are not made if %s', async (_why, wanted) => {
    writeFileSync(settings, JSON.stringify({ history: wanted }));
    keep('old', 5 * DAY_MS);
    const queue = queueOf(() => ({ codes: [1] }));
    await compactor(queue).run();
    expect([queue.paths, audioOf('old')]).toEqual([[], 'old.wav']);
  });

  test('a WAV that can’t be read stays, and the others are encoded', async () => {
    keep('unreadable', 6 * DAY_MS);
    keep('old', 5 * DAY_MS);
    const error = new SottoError('AUDIO_UNSUPPORTED', 'no audio');
    await compactor(queueOf((path) => (path.includes('unreadable') ? { error } : { codes: [1] }))).run();
    expect(['unreadable', 'old'].map(audioOf)).toEqual(['unreadable.wav', 'old.codes']);
    expect(existsSync(join(recordings, 'unreadable.wav'))).toBe(true);
  });

  test.each<[string, End]>([
    ['without a codec', { error: new SottoError('MODEL_NOT_FOUND', 'no codec') }],
    ['with a codec that decodes nothing', { codes: [1], encodesOnly: true }],
  ])('%s, one failure ends the run and everything stays', async (_what, end) => {
    keep('one', 6 * DAY_MS);
    keep('two', 5 * DAY_MS);
    const queue = queueOf(() => end);
    await compactor(queue).run();
    expect(queue.paths).toHaveLength(1);
    expect(readdirSync(recordings).sort()).toEqual(['one.wav', 'two.wav']);
  });

  test.each([
    ['moved to the trash', () => void history.delete('old'), ['old.wav']],
    ['recovered', () => void history.add(fakeDictation('old', { audio: 'again.wav' })), ['old.wav']],
  ])('a dictation that is %s meanwhile keeps its WAV', async (_what, change, files) => {
    keep('old', 5 * DAY_MS);
    const queue = queueOf(() => {
      change();
      return { codes: [1] };
    });
    await compactor(queue).run();
    expect(readdirSync(recordings)).toEqual(files);
    history.undo();
    expect(audioOf('old')).not.toContain('.codes');
  });

  test('are made by one run at a time, which ends when the daemon stops', async () => {
    keep('one', 6 * DAY_MS);
    keep('two', 5 * DAY_MS);
    const queue = queueOf(() => {
      made.stop();
      return { codes: [1] };
    });
    const made = compactor(queue);
    const [first, second] = [made.run(), made.run()];
    expect(first).toBe(second);
    await first;
    expect(queue.paths).toHaveLength(1);
    expect(['one', 'two'].map(audioOf)).toEqual(['one.wav', 'two.wav']);
  });

  test('count with their own size against the limit of all audio', async () => {
    keep('old', 5 * DAY_MS);
    await compactor(queueOf(() => ({ codes: [1] }))).run();
    const retention = { keepDays: 30, keepAudio: true, compactAudio: true };
    expect(history.prune({ ...retention, maxAudioBytes: 1000 }, NOW)).toEqual([]);
    expect(history.prune({ ...retention, maxAudioBytes: 10 }, NOW)).toHaveLength(1);
    expect(audioOf('old')).toBeUndefined();
  });
});
