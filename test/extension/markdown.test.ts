import { expect, test } from '@jest/globals';
import { describeModule } from './describe-module.js';

interface Markdown {
  readonly escapeMarkdown: (text: string) => string;
  readonly sentence: (text: string) => string;
}

await describeModule<Markdown>('lib/markdown', ({ escapeMarkdown, sentence }) => {
  test('escapes Markdown', () => {
    for (const text of ['# one', '2 * 3 * 4', '1. first', '- a dash', '`code`', '[a](b)', '$5 & more']) {
      expect(escapeMarkdown(text).replaceAll('\\', '')).toBe(text);
    }
    expect(escapeMarkdown('# one')).toBe('\\# one');
    expect(escapeMarkdown('1. first')).toBe('1\\. first');
    expect(escapeMarkdown('one\ntwo')).toBe('one  \ntwo');
  });

  test('makes a sentence and keeps commands readable', () => {
    expect(sentence('run `sotto agent start_it`')).toBe('Run `sotto agent start_it`.');
    expect(sentence('Is it *muted*?')).toBe('Is it \\*muted\\*?');
  });
});
