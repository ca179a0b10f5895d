/** Past dictations and their sound stay as long as the settings say, and not longer. */
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { DEFAULT_RETENTION } from '#daemon/settings.js';
import { applyRetention } from '#daemon/store/history/index.js';
import { DAY_MS, historyHere, ids, NOW, take } from './history-here.js';

const here = historyHere();

describe('retention', () => {
  const old = NOW - 31 * DAY_MS;

  test('after 30 days all goes, and what goes is told', () => {
    const history = here.open();
    history.add(take('new', { startedMs: NOW - 29 * DAY_MS }));
    history.add(take('old', { startedMs: old, audio: 'old.wav' }));
    history.add(take('old-failed', { startedMs: old, state: 'failed', audio: 'f.wav' }));
    const gone = history.prune(DEFAULT_RETENTION, NOW);
    expect(gone.map(({ audio }) => audio).sort()).toEqual(['f.wav', 'old.wav']);
    expect(ids(history.list({ limit: 9 }))).toEqual(['new']);
    expect(history.undo()).toEqual([]);
    expect(history.prune(DEFAULT_RETENTION, NOW)).toEqual([]);
  });

  test('0 days: what is delivered goes at once; what nobody has read stays for a day', () => {
    const history = here.open();
    history.add(take('final', { startedMs: NOW + 5 }));
    history.add(take('recovered', { state: 'recovered', audio: 'r.wav' }));
    history.add(take('failed', { state: 'failed', audio: 'f.wav' }));
    const nothing = { ...DEFAULT_RETENTION, keepDays: 0 };
    expect(ids(history.prune(nothing, NOW))).toEqual(['final']);
    expect(history.audioNames()).toEqual(new Set(['f.wav', 'r.wav']));
    history.markRead('recovered');
    expect(ids(history.prune(nothing, NOW))).toEqual(['recovered']);
    expect(ids(history.prune(nothing, NOW + DAY_MS + 1))).toEqual(['failed']);
  });

  test('audio that is not to be kept goes a day after the text is there, that of failed ones stays', () => {
    const history = here.open();
    history.add(take('final', { audio: 'a.wav' }));
    history.add(take('failed', { state: 'failed', audio: 'b.wav' }));
    expect(history.prune(DEFAULT_RETENTION, NOW + DAY_MS - 1)).toEqual([]);
    here.nowMs = NOW + 2 * DAY_MS;
    expect(history.prune(DEFAULT_RETENTION, here.nowMs).map(({ audio }) => audio)).toEqual(['a.wav']);
    expect(history.get('final')).toEqual(take('final'));
    history.setText('failed', 'found', 'base', 'en');
    expect(history.prune(DEFAULT_RETENTION, here.nowMs)).toEqual([]);
    expect(ids(history.prune(DEFAULT_RETENTION, here.nowMs + DAY_MS))).toEqual(['failed']);
    expect(history.get('failed')?.text).toBe('found');
  });

  test('the oldest audio goes when there is too much of it', () => {
    const history = here.open();
    for (let i = 0; i < 5; i++)
      history.add(take(`t${i}`, { startedMs: NOW - i * 1000, durationSeconds: 10, audio: `t${i}.wav` }));
    history.add(
      take('failed', { startedMs: 1 + NOW - 10_000, durationSeconds: 10, audio: 'f.wav', state: 'failed' }),
    );
    const room = { ...DEFAULT_RETENTION, keepAudio: true, maxAudioBytes: 3 * (320_000 + 44) };
    expect(ids(history.prune(room, NOW)).sort()).toEqual(['t2', 't3', 't4']);
    expect(history.audioNames()).toEqual(new Set(['t0.wav', 't1.wav', 'f.wav']));
    expect(history.count()).toBe(6);
  });

  test('files go with what they belong to; strange ones of yesterday too, strange ones of today and others’ not', async () => {
    const history = here.open();
    history.add(take('old', { startedMs: old, audio: 'old.wav' }));
    history.add(take('kept', { startedMs: old, audio: 'kept.wav', state: 'recovered' }));
    const names = ['old.wav', 'kept.wav', 'stray.wav', 'notes.txt', '.x.wav.0a.part'];
    for (const name of names) writeFileSync(join(here.folder, name), '');
    writeFileSync(`${here.path}.damaged-2026`, 'text of old times');
    const keep = { ...DEFAULT_RETENTION, keepDays: 31.5 };
    await applyRetention(history, here.folder, { ...keep, keepDays: 30 }, NOW);
    expect(readdirSync(here.folder).sort()).toEqual(['.x.wav.0a.part', 'new', 'notes.txt', 'stray.wav']);
    expect(existsSync(`${here.path}.damaged-2026`)).toBe(true);
    await applyRetention(history, here.folder, keep, Date.now() + 32 * DAY_MS);
    expect(readdirSync(here.folder).sort()).toEqual(['new', 'notes.txt']);
    expect(existsSync(`${here.path}.damaged-2026`)).toBe(false);
  });

  test('a name that leads elsewhere deletes nothing', async () => {
    const history = here.open();
    writeFileSync(join(here.folder, 'precious.wav'), '');
    history.add(take('a', { startedMs: old, audio: '../precious.wav' }));
    await applyRetention(history, join(here.folder, 'new'), DEFAULT_RETENTION, NOW);
    expect(history.count()).toBe(0);
    expect(existsSync(join(here.folder, 'precious.wav'))).toBe(true);
  });
});
