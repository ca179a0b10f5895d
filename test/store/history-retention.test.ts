/** Past dictations and their audio stay exactly as long as the settings say. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { DEFAULT_RETENTION } from '#daemon/settings.js';
import { WAV_HEADER_BYTES } from '#daemon/signal/wav-format.js';
import { applyRetention } from '#daemon/store/history/index.js';
import { DAY_MS, historyFixture, ids, NOW, fakeDictation } from './history-fixture.js';

const fixture = historyFixture();

describe('retention', () => {
  const old = NOW - 31 * DAY_MS;

  test('after 30 days, everything that was delivered or seen is moved to the trash', () => {
    const history = fixture.open();
    history.add(fakeDictation('old', { startedMs: old, audio: 'old.wav' }));
    history.add(fakeDictation('old-failed', { startedMs: old, state: 'failed', audio: 'f.wav' }));
    history.add(fakeDictation('new', { startedMs: NOW - 29 * DAY_MS }));
    fixture.nowMs = old;
    history.markRead('old-failed');
    fixture.nowMs = NOW;
    expect(history.prune(DEFAULT_RETENTION, NOW)).toEqual([]);
    expect(ids(history.list({ limit: 9 }))).toEqual(['new']);
    expect(history.audioNames()).toEqual(new Set(['f.wav', 'old.wav']));
    const pruned = history.prune(DEFAULT_RETENTION, NOW + DAY_MS + 1);
    expect(pruned.map(({ audio }) => audio).sort()).toEqual(['f.wav', 'old.wav']);
    expect(history.undo()).toEqual([]);
    expect(history.prune(DEFAULT_RETENTION, NOW)).toEqual([]);
  });

  test('pruned dictations can be restored for a day, after those that the user deleted, and are not pruned again at once', () => {
    const history = fixture.open();
    history.add(fakeDictation('old', { startedMs: old, audio: 'old.wav' }));
    history.add(fakeDictation('mine'));
    history.delete('mine');
    history.prune(DEFAULT_RETENTION, NOW);
    expect(ids(history.undo())).toEqual(['mine']);
    expect(ids(history.undo())).toEqual(['old']);
    expect(history.get('old')).toMatchObject({ text: 'text of old', audio: 'old.wav' });
    history.prune(DEFAULT_RETENTION, NOW + 1);
    expect(ids(history.list({ limit: 9 })).sort()).toEqual(['mine', 'old']);
  });

  test.each([0, 30])(
    'undelivered dictations stay with their audio until they are seen: keepDays %i',
    (keepDays) => {
      const history = fixture.open();
      const retention = { ...DEFAULT_RETENTION, keepDays, maxAudioBytes: 1 };
      history.add(fakeDictation('recovered', { startedMs: old, state: 'recovered', audio: 'r.wav' }));
      history.add(fakeDictation('failed', { startedMs: old, state: 'failed', audio: 'f.wav' }));
      const years = NOW + 3650 * DAY_MS;
      expect(history.prune(retention, years)).toEqual([]);
      expect(history.list({ limit: 9 }).map(({ audio }) => audio)).toEqual(['f.wav', 'r.wav']);
      fixture.nowMs = years;
      history.markRead('recovered');
      history.markRead('failed');
      expect(history.get('failed')?.state).toBe('failed');
      // Just seen: the failed one can be transcribed again for at least a day.
      history.prune(retention, years + DAY_MS - 1);
      expect(history.get('failed')?.audio).toBe('f.wav');
      history.prune(retention, years + 31 * DAY_MS);
      expect(history.list({ limit: 9 })).toEqual([]);
    },
  );

  test('0 days: delivered dictations are deleted at once, not moved to the trash', () => {
    const history = fixture.open();
    history.add(fakeDictation('final', { startedMs: NOW + 5 }));
    history.add(fakeDictation('recovered', { state: 'recovered', audio: 'r.wav' }));
    history.add(fakeDictation('failed', { state: 'failed', audio: 'f.wav' }));
    const nothing = { ...DEFAULT_RETENTION, keepDays: 0 };
    expect(ids(history.prune(nothing, NOW))).toEqual(['final']);
    expect(history.undo()).toEqual([]);
    expect(history.audioNames()).toEqual(new Set(['f.wav', 'r.wav']));
    history.markRead('recovered');
    expect(ids(history.prune(nothing, NOW))).toEqual(['recovered']);
    expect(history.undo()).toEqual([]);
  });

  test('audio that isn’t kept is deleted a day after the text is final, that of failed ones stays', () => {
    const history = fixture.open();
    history.add(fakeDictation('final', { audio: 'a.wav' }));
    history.add(fakeDictation('failed', { state: 'failed', audio: 'b.wav' }));
    expect(history.prune(DEFAULT_RETENTION, NOW + DAY_MS - 1)).toEqual([]);
    fixture.nowMs = NOW + 2 * DAY_MS;
    expect(history.prune(DEFAULT_RETENTION, fixture.nowMs).map(({ audio }) => audio)).toEqual(['a.wav']);
    expect(history.get('final')).toEqual(fakeDictation('final'));
    history.setText('failed', 'found', 'base', 'en');
    expect(history.prune(DEFAULT_RETENTION, fixture.nowMs)).toEqual([]);
    expect(ids(history.prune(DEFAULT_RETENTION, fixture.nowMs + DAY_MS))).toEqual(['failed']);
    expect(history.get('failed')?.text).toBe('found');
  });

  test('the oldest audio is deleted above the limit', () => {
    const history = fixture.open();
    for (let i = 0; i < 5; i++)
      history.add(
        fakeDictation(`t${i}`, { startedMs: NOW - i * 1000, durationSeconds: 10, audio: `t${i}.wav` }),
      );
    history.add(
      fakeDictation('failed', {
        startedMs: 1 + NOW - 10_000,
        durationSeconds: 10,
        audio: 'f.wav',
        state: 'failed',
      }),
    );
    const room = { ...DEFAULT_RETENTION, keepAudio: true, maxAudioBytes: 3 * (320_000 + WAV_HEADER_BYTES) };
    expect(ids(history.prune(room, NOW)).sort()).toEqual(['t2', 't3', 't4']);
    expect(history.audioNames()).toEqual(new Set(['t0.wav', 't1.wav', 'f.wav']));
    expect(history.count()).toBe(6);
  });

  test('files are deleted with their dictations; files that Sotto did not write stay, whatever their age and name', async () => {
    const history = fixture.open();
    history.add(fakeDictation('old', { startedMs: old, audio: 'old.wav' }));
    history.add(fakeDictation('kept', { startedMs: old, audio: 'kept.wav', state: 'recovered' }));
    for (const name of ['old.wav', 'kept.wav', 'stray.wav']) history.noteRecording(name);
    history.noteRecording('never-written.wav');
    const drafts = ['.x.wav.0a1b2c3d.part'];
    const others = ['interview-2024.wav', 'notes.txt', 'film.part', '.x.wav.0a.part'];
    for (const name of ['old.wav', 'kept.wav', 'stray.wav', ...drafts, ...others])
      writeFileSync(join(fixture.folder, name), '');
    mkdirSync(join(fixture.folder, '.y.wav.0a1b2c3d.part'));
    const damaged = `${fixture.path}.damaged-2026-06-15T12-00-00-000Z`;
    writeFileSync(damaged, 'text of old times');
    writeFileSync(`${fixture.path}.damaged-by-me`, 'mine');
    await applyRetention(history, fixture.folder, DEFAULT_RETENTION, NOW);
    expect(existsSync(join(fixture.folder, 'old.wav'))).toBe(true);
    const at = Date.now() + 32 * DAY_MS;
    // The file system dates the file, so the test's clock must pass it in small steps.
    for (let ms = NOW; ms < at; ms += DAY_MS)
      await applyRetention(history, fixture.folder, DEFAULT_RETENTION, ms);
    await applyRetention(history, fixture.folder, DEFAULT_RETENTION, at);
    expect(readdirSync(fixture.folder).sort()).toEqual(
      ['.y.wav.0a1b2c3d.part', 'kept.wav', 'new', ...others].sort(),
    );
    expect([existsSync(damaged), existsSync(`${fixture.path}.damaged-by-me`)]).toEqual([false, true]);
    expect(history.recordingNames()).toEqual(new Set(['kept.wav']));
  });

  test('a name that leads elsewhere deletes nothing', async () => {
    const history = fixture.open();
    writeFileSync(join(fixture.folder, 'precious.wav'), '');
    history.add(fakeDictation('a', { startedMs: old, audio: '../precious.wav' }));
    history.noteRecording('../precious.wav');
    for (const days of [0, 1.5, 3])
      await applyRetention(history, join(fixture.folder, 'new'), DEFAULT_RETENTION, NOW + days * DAY_MS);
    expect([history.count(), history.audioNames().size]).toEqual([0, 0]);
    expect(existsSync(join(fixture.folder, 'precious.wav'))).toBe(true);
  });
});

describe('a wrong clock', () => {
  /**
   * A history of 19 dictations with audio, one each day until now, five of them unseen; its daemon was running all
   * the time.
   */
  async function filled() {
    const history = fixture.open();
    for (let i = 18; i >= 0; i--) {
      fixture.nowMs = NOW - i * DAY_MS;
      history.add(
        fakeDictation(`t${i}`, {
          startedMs: fixture.nowMs,
          audio: `t${i}.wav`,
          state: i % 4 === 0 ? 'recovered' : 'final',
        }),
      );
      await applyRetention(history, fixture.folder, keepsAudio, fixture.nowMs);
    }
    return history;
  }
  const keepsAudio = { ...DEFAULT_RETENTION, keepAudio: true };
  const dictate = async (
    history: ReturnType<typeof fixture.open>,
    id: string,
    atMs: number,
  ): Promise<void> => {
    fixture.nowMs = atMs;
    history.add(fakeDictation(id, { startedMs: atMs }));
    await applyRetention(history, fixture.folder, keepsAudio, atMs);
  };

  test('40 days ahead for one dictation deletes nothing, then or after its correction', async () => {
    const history = await filled();
    await dictate(history, 'ahead', NOW + 40 * DAY_MS);
    expect(history.count()).toBe(20);
    expect(history.audioNames().size).toBe(19);
    // Several dictations within the day, and after the correction.
    for (let i = 1; i < 30; i++) await dictate(history, `ahead-${i}`, NOW + 40 * DAY_MS + i * 1000);
    await dictate(history, 'right', NOW + 3600 * 1000);
    expect(history.count()).toBe(50);
    expect(history.undo()).toEqual([]);
  });

  test('a machine that was off for 40 days deletes a day later, by way of the trash', async () => {
    const history = await filled();
    const back = NOW + 40 * DAY_MS;
    await dictate(history, 'back', back);
    expect(history.count()).toBe(20);
    await dictate(history, 'next', back + DAY_MS + 1);
    // The unseen ones stay.
    expect(history.count('recovered')).toBe(5);
    expect(history.count()).toBe(7);
    expect(history.undo()).toHaveLength(14);
  });

  test('years behind: dictations from that time are not old after its correction', async () => {
    const history = fixture.open();
    await dictate(history, 'before', NOW);
    await dictate(history, 'behind', Date.UTC(2020, 0, 1));
    for (let days = 0.1; days < 5; days += 0.5)
      await dictate(history, `after-${days * 10}`, NOW + days * DAY_MS);
    expect(history.get('behind')).toBeDefined();
    expect(history.audioNames().size).toBe(0);
  });

  test('a dictation dated in the future is deleted with its neighbors', async () => {
    const history = fixture.open();
    await dictate(history, 'before', NOW);
    await dictate(history, 'future', NOW + 400 * DAY_MS);
    for (let days = 1; days < 34; days++)
      await applyRetention(history, fixture.folder, keepsAudio, NOW + days * DAY_MS);
    await dictate(history, 'after', NOW + 34 * DAY_MS);
    expect(ids(history.list({ limit: 9 })).sort()).toEqual(['after', 'future']);
    for (let days = 35; days < 66; days++)
      await applyRetention(history, fixture.folder, keepsAudio, NOW + days * DAY_MS);
    expect(ids(history.list({ limit: 9 }))).toEqual([]);
  });

  test('entries deleted under a clock that was ahead are removed a day after its correction', async () => {
    const history = await filled();
    fixture.nowMs = NOW + 400 * DAY_MS;
    history.delete('t1');
    fixture.nowMs = NOW + 1000;
    await applyRetention(history, fixture.folder, keepsAudio, NOW + 1000);
    await applyRetention(history, fixture.folder, keepsAudio, NOW + DAY_MS);
    expect(history.audioNames()).toContain('t1.wav');
    await applyRetention(history, fixture.folder, keepsAudio, NOW + DAY_MS + 2000);
    expect(history.audioNames()).not.toContain('t1.wav');
  });
});
