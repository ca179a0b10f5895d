/** Reading past dictations: one, by page, by state, by the start of an id. */
import { chmodSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { StoredDictation } from '#daemon/store/history/index.js';
import { historyFixture, ids, fakeDictation } from './history-fixture.js';

const fixture = historyFixture();

const dictations: fc.Arbitrary<StoredDictation> = fc.record(
  {
    id: fc.stringMatching(/^[A-Za-z0-9-]{1,64}$/),
    startedMs: fc.integer({ min: 0, max: 2 ** 45 }),
    durationSeconds: fc.integer({ min: 0, max: 1e9 }).map((samples) => samples / 16_000),
    // SQLite's texts may end at a NUL for some readers; no dictation contains one.
    text: fc.string({ unit: 'grapheme', maxLength: 200 }),
    language: fc.constantFrom('en', 'de', 'yue'),
    model: fc.string({ unit: 'grapheme' }),
    state: fc.constantFrom('final' as const, 'recovered' as const, 'failed' as const),
    errorCode: fc.constantFrom('ENGINE_CRASHED' as const, 'AUDIO_EMPTY' as const),
    audio: fc.constant('a.wav'),
    words: fc.array(
      fc.record({
        start: fc.integer({ min: 0, max: 100 }),
        end: fc.integer({ min: 0, max: 100 }),
        word: fc.string({ unit: 'grapheme' }),
        probability: fc.constantFrom(0, 0.5, 1),
      }),
    ),
  },
  { requiredKeys: ['id', 'startedMs', 'durationSeconds', 'text', 'model', 'state'] },
);

describe('the history', () => {
  test('returns what was added', () => {
    const history = fixture.open();
    fc.assert(
      fc.property(dictations, (dictation) => {
        history.destroy();
        history.add(dictation);
        expect(history.get(dictation.id)).toEqual(dictation);
        const { words: _, ...rest } = dictation;
        expect(history.list({ limit: 5 })).toEqual([rest]);
        history.delete(dictation.id);
        expect(history.list({ limit: 5 })).toEqual([]);
        expect(history.undo()).toEqual([dictation]);
        expect(history.get(dictation.id)).toEqual(dictation);
      }),
      { numRuns: 100 },
    );
  });

  test('is readable by its user only', () => {
    fixture.open().add(fakeDictation('a'));
    for (const name of readdirSync(join(fixture.folder, 'new')))
      expect([name, statSync(join(fixture.folder, 'new', name)).mode & 0o777]).toEqual([name, 0o600]);
    expect(statSync(join(fixture.folder, 'new')).mode & 0o777).toBe(0o700);
    chmodSync(fixture.path, 0o644);
    fixture.open();
    expect(statSync(fixture.path).mode & 0o777).toBe(0o600);
  });

  test('lists the newest first, by page and by state', () => {
    const history = fixture.open();
    for (let i = 0; i < 10; i++)
      history.add(fakeDictation(`t${i}`, { startedMs: 100 * i, state: i % 2 === 0 ? 'final' : 'recovered' }));
    const page = history.list({ limit: 4 });
    expect(ids(page)).toEqual(['t9', 't8', 't7', 't6']);
    expect(ids(history.list({ limit: 4, before: page.at(-1)?.startedMs ?? 0 }))).toEqual([
      't5',
      't4',
      't3',
      't2',
    ]);
    expect(ids(history.list({ limit: 2, state: 'recovered' }))).toEqual(['t9', 't7']);
    expect([history.count(), history.count('recovered')]).toEqual([10, 5]);
  });

  test('searches by page and by state', () => {
    const history = fixture.open();
    for (let i = 0; i < 6; i++)
      history.add(
        fakeDictation(`t${i}`, { text: 'tea', startedMs: i, state: i % 2 === 0 ? 'final' : 'failed' }),
      );
    expect(ids(history.search('tea', { limit: 2, before: 4 }))).toEqual(['t3', 't2']);
    expect(ids(history.search('tea', { limit: 9, before: 5, state: 'failed' }))).toEqual(['t3', 't1']);
  });

  test('finds a dictation by the start of its id if no other one matches', () => {
    const history = fixture.open();
    for (const id of ['abc-1', 'abc-12', 'abd']) history.add(fakeDictation(id));
    expect(history.get('abd')?.id).toBe('abd');
    expect(history.get('abc-12')?.id).toBe('abc-12');
    // A complete id matches, even if another id starts with it.
    expect(history.get('abc-1')?.id).toBe('abc-1');
    expect(history.get('abc')).toBeUndefined();
    expect(history.idsStartingWith('abc', 5)).toEqual(['abc-1', 'abc-12']);
    for (const nonsense of ['', '%', '_', 'x', "' OR 1", 'ABC'])
      expect(history.get(nonsense)).toBeUndefined();
  });

  test('adding the same dictation again changes nothing, adding more replaces it', () => {
    const history = fixture.open();
    history.add(
      fakeDictation('a', {
        text: 'first words',
        words: [{ start: 0, end: 1, word: 'first', probability: 1 }],
      }),
    );
    history.add(fakeDictation('a', { text: 'second words' }));
    history.add(fakeDictation('a', { text: 'second words' }));
    expect(history.list({ limit: 5 })).toEqual([fakeDictation('a', { text: 'second words' })]);
    expect(history.get('a')).toEqual(fakeDictation('a', { text: 'second words' }));
    expect(history.search('first', { limit: 5 })).toEqual([]);
    expect(ids(history.search('second', { limit: 5 }))).toEqual(['a']);
  });

  test('the recovery of a delivered dictation does not replace it; the text of a failed one does', () => {
    const history = fixture.open();
    history.add(fakeDictation('a'));
    history.add(fakeDictation('a', { state: 'recovered', text: 'half of it' }));
    history.add(fakeDictation('a', { state: 'failed', text: '' }));
    expect(history.get('a')).toEqual(fakeDictation('a'));
    history.add(fakeDictation('b', { state: 'failed', text: '', errorCode: 'ENGINE_CRASHED' }));
    history.add(fakeDictation('b'));
    expect(history.get('b')).toEqual(fakeDictation('b'));
  });

  test('refuses invalid dictations', () => {
    const history = fixture.open();
    for (const wrong of [
      { id: '../a' },
      { id: '' },
      { startedMs: 0.5 },
      { startedMs: NaN },
      { durationSeconds: NaN },
    ])
      expect(() => history.add({ ...fakeDictation('a'), ...wrong })).toThrow(
        expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
      );
    expect(history.count()).toBe(0);
  });

  test('another transcription makes a failed dictation final, and removes its word times', () => {
    const history = fixture.open();
    history.add(
      fakeDictation('a', {
        state: 'failed',
        errorCode: 'ENGINE_CRASHED',
        audio: 'a.wav',
        text: 'old',
        words: [],
      }),
    );
    history.setText('a', 'new text', 'large', 'de');
    expect(history.get('a')).toEqual(
      fakeDictation('a', { audio: 'a.wav', text: 'new text', model: 'large', language: 'de' }),
    );
    expect(ids(history.search('new', { limit: 1 }))).toEqual(['a']);
    expect(history.search('old', { limit: 1 })).toEqual([]);
    history.setText('gone', 'x', 'm', undefined);
    expect(history.count()).toBe(1);
  });

  test('a recovered dictation that was read becomes final', () => {
    const history = fixture.open();
    history.add(fakeDictation('a', { state: 'recovered' }));
    history.add(fakeDictation('b', { state: 'failed' }));
    history.markRead('a');
    history.markRead('b');
    expect([history.get('a')?.state, history.get('b')?.state]).toEqual(['final', 'failed']);
  });
});
