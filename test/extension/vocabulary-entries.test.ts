import { expect, test } from '@jest/globals';
import type { Vocabulary } from '#daemon/protocol/vocabulary.js';
import { describeModule } from './describe-module.js';

type Entry = { kind: 'word'; word: string } | { kind: 'replacement'; from: string; to: string };

interface VocabularyEntries {
  readonly wordsOf: (vocabulary: Vocabulary) => Entry[];
  readonly replacementLabel: (to: string) => string;
  readonly replaceEntry: (vocabulary: Vocabulary, before: Entry, now: Entry) => Vocabulary;
  readonly toWord: (text: string) => string;
}

await describeModule<VocabularyEntries>(
  'vocabulary/vocabulary-entries',
  ({ wordsOf, replacementLabel, replaceEntry, toWord }) => {
    const vocabulary = { words: ['b', 'a2', 'a10', 'Á'], replacements: [{ from: 'sean', to: 'Shaun' }] };

    test('words are in the order of the alphabet, whatever their case and accents', () => {
      const words = wordsOf(vocabulary).map((entry) => (entry.kind === 'word' ? entry.word : ''));
      expect(words).toEqual(['Á', 'a2', 'a10', 'b']);
    });

    test('what is written is told in one line', () => {
      expect(['Shaun', '\n\n', ''].map(replacementLabel)).toEqual(['→ Shaun', '→ \\n\\n', 'Left out']);
    });

    test('an entry is changed where it was, and is there at the end if it was removed meanwhile', () => {
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

    test('a selected text is a word without what stands around it, or none', () => {
      expect(toWord(' “Nguyen”,\n')).toBe('Nguyen');
      expect(toWord('Grace\nHopper.')).toBe('Grace Hopper');
      expect(toWord("O'Brien's")).toBe("O'Brien's");
      expect(toWord('C++')).toBe('C++');
      expect(toWord('that is a whole sentence, and no name')).toBe('');
      expect(toWord('x'.repeat(101))).toBe('');
    });
  },
);
