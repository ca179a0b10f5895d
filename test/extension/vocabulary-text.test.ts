import { expect, test } from '@jest/globals';
import type { VocabularyChange } from '#daemon/protocol/vocabulary.js';
import { describeModule } from './describe-module.js';

interface VocabularyText {
  readonly changeText: (change: VocabularyChange) => string;
}

await describeModule<VocabularyText>('vocabulary/vocabulary-text', ({ changeText }) => {
  test.each([
    [{ added: 1, changed: 0, removed: 0 }, 'Added'],
    [{ added: 3, changed: 0, removed: 1 }, '3 Added, 1 Removed'],
    [{ added: 0, changed: 2, removed: 0 }, '2 Changed'],
    [{ added: 0, changed: 0, removed: 0 }, 'It Is There Already'],
  ])('a change is told in a word or two: %j', (change, label) => {
    expect(changeText(change)).toBe(label);
  });
});
