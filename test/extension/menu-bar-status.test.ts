import { expect, test } from '@jest/globals';
import { describeModule } from './describe-module.js';

interface MenuBarStatus {
  readonly menuLine: (text: string) => string;
}

await describeModule<MenuBarStatus>('menu-bar/menu-bar-status', ({ menuLine }) => {
  test('cuts a text between words, on one line', () => {
    expect(menuLine('two\nlines')).toBe('two lines');
    expect(menuLine('the quick brown fox jumps over the lazy dog again')).toBe(
      'the quick brown fox jumps over the lazy dog…',
    );
    expect(menuLine('a'.repeat(60))).toHaveLength(45);
  });
});
