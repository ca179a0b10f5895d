import { expect, test } from '@jest/globals';
import type { Vocabulary, VocabularyChange } from '#daemon/protocol/vocabulary.js';
import { describeModule } from './describe-module.js';

type Entry = { kind: 'word'; word: string } | { kind: 'replacement'; from: string; to: string };

interface VocabularyEntries {
  readonly wordsOf: (vocabulary: Vocabulary) => Entry[];
  readonly replacementLabel: (to: string) => string;
  readonly replaceEntry: (vocabulary: Vocabulary, before: Entry, now: Entry) => Vocabulary;
  readonly toWord: (text: string) => string;
  readonly changeText: (change: VocabularyChange) => string;
}

await describeModule<VocabularyEntries>(
  'vocabulary/vocabulary-entries',
  ({ wordsOf, replacementLabel, replaceEntry, toWord, changeText }) => {
    const vocabulary = { words: ['b', 'a2', 'a10', 'Á'], replacements: [{ from: 'sean', to: 'Shaun' }] };

    test('sorts words regardless of case and accents', () => {
      const words = wordsOf(vocabulary).map((entry) => (entry.kind === 'word' ? entry.word : ''));
      expect(words).toEqual(['Á', 'a2', 'a10', 'b']);
    });

    test('shows a replacement on one line', () => {
      expect(['Shaun', '\n\n', ''].map(replacementLabel)).toEqual(['→ Shaun', '→ ⏎⏎', '→ (removed)']);
    });

    test('replaces an entry in its place, or appends it if it was removed', () => {
      const word = (text: string): Entry => ({ kind: 'word', word: text });
      expect(replaceEntry(vocabulary, word('b'), word('c')).words).toEqual(['c', 'a2', 'a10', 'Á']);
      expect(replaceEntry(vocabulary, word('gone'), word('back')).words).toEqual([
        'b',
        'a2',
        'a10',
        'Á',
        'back',
      ]);
      const sean: Entry = { kind: 'replacement', from: 'sean', to: 'Shaun' };
      expect(replaceEntry(vocabulary, sean, { ...sean, to: 'Séan' })).toEqual({
        words: vocabulary.words,
        replacements: [{ from: 'sean', to: 'Séan' }],
      });
    });

    test('strips quotes and punctuation from a selection, and rejects long ones', () => {
      expect(toWord(' “Nguyen”,\n')).toBe('Nguyen');
      expect(toWord('Grace\nHopper.')).toBe('Grace Hopper');
      expect(toWord("O'Brien's")).toBe("O'Brien's");
      expect(toWord('C++')).toBe('C++');
      expect(toWord('that is a whole sentence, and no name')).toBe('');
      expect(toWord('x'.repeat(101))).toBe('');
    });

    test.each([
      [{ added: 1, changed: 0, removed: 0 }, 'Added'],
      [{ added: 3, changed: 0, removed: 1 }, '3 Added, 1 Removed'],
      [{ added: 0, changed: 2, removed: 0 }, '2 Changed'],
      [{ added: 0, changed: 0, removed: 0 }, 'Already Added'],
    ])('summarizes the change %j', (change, label) => {
      expect(changeText(change)).toBe(label);
    });
  },
);
