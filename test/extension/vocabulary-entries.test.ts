import { expect, test } from '@jest/globals';
import type { Vocabulary } from '#daemon/protocol/vocabulary.js';
import { describeLib } from './load-lib.js';

type Entry = { kind: 'word'; word: string } | { kind: 'replacement'; from: string; to: string };

interface VocabularyEntries {
  readonly wordsOf: (vocabulary: Vocabulary) => Entry[];
  readonly targetOf: (to: string) => string;
  readonly edited: (vocabulary: Vocabulary, before: Entry, now: Entry) => Vocabulary;
  readonly asWord: (text: string) => string;
}

await describeLib<VocabularyEntries>('vocabulary-entries', ({ wordsOf, targetOf, edited, asWord }) => {
  const vocabulary = { words: ['b', 'a2', 'a10', 'Á'], replacements: [{ from: 'sean', to: 'Shaun' }] };

  test('words are in the order of the alphabet, whatever their case and accents', () => {
    const words = wordsOf(vocabulary).map((entry) => (entry.kind === 'word' ? entry.word : ''));
    expect(words).toEqual(['Á', 'a2', 'a10', 'b']);
  });

  test('what is written is told in one line', () => {
    expect(['Shaun', '\n\n', ''].map(targetOf)).toEqual(['→ Shaun', '→ \\n\\n', 'Left out']);
  });

  test('an entry is changed where it was, and is there at the end if it was removed meanwhile', () => {
    const word = (text: string): Entry => ({ kind: 'word', word: text });
    expect(edited(vocabulary, word('b'), word('c')).words).toEqual(['c', 'a2', 'a10', 'Á']);
    expect(edited(vocabulary, word('gone'), word('back')).words).toEqual(['b', 'a2', 'a10', 'Á', 'back']);
    const sean: Entry = { kind: 'replacement', from: 'sean', to: 'Shaun' };
    expect(edited(vocabulary, sean, { ...sean, to: 'Séan' })).toEqual({
      words: vocabulary.words,
      replacements: [{ from: 'sean', to: 'Séan' }],
    });
  });

  test('a selected text is a word without what stands around it, or none', () => {
    expect(asWord(' “Nguyen”,\n')).toBe('Nguyen');
    expect(asWord('Grace\nHopper.')).toBe('Grace Hopper');
    expect(asWord("O'Brien's")).toBe("O'Brien's");
    expect(asWord('C++')).toBe('C++');
    expect(asWord('that is a whole sentence, and no name')).toBe('');
    expect(asWord('x'.repeat(101))).toBe('');
  });
});
