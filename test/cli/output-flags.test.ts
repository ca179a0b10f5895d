import { describe, expect, test } from '@jest/globals';
import { outputPlan, type OutputFlags } from '#daemon/cli/flags/output-flags.js';

describe('outputPlan', () => {
  test.each<[OutputFlags, boolean]>([
    [{ format: 'text' }, false],
    [{ format: 'json' }, false],
    [{ format: 'srt', maxLineWidth: 42 }, false],
    [{ format: 'srt', maxLineCount: 1 }, false],
    [{ format: 'json', wordTimestamps: true }, true],
    [{ format: 'srt', highlightWords: true }, true],
    [{ format: 'vtt', maxWordsPerLine: 5 }, true],
    [{ format: 'html' }, true],
  ])('%j requests words: %j', (flags, expected) => {
    expect(outputPlan(flags, 1).wordTimestamps).toBe(expected);
  });

  test.each<[OutputFlags, number, RegExp]>([
    [{ format: 'json', highlightWords: true }, 1, /--highlight-words .* json/],
    [{ format: 'text', maxLineWidth: 42 }, 1, /--max-line-width .* text/],
    [{ format: 'tsv', maxLineCount: 2 }, 1, /--max-line-count .* tsv/],
    [{ format: 'html', maxWordsPerLine: 3 }, 1, /--max-words-per-line .* html/],
    [{ format: 'html' }, 2, /only one HTML report/],
  ])('%j for %i files is wrong usage', (flags, files, message) => {
    expect(() => outputPlan(flags, files)).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        exitCode: 2,
        message: expect.stringMatching(message),
      }),
    );
  });

  test('several reports need a folder', () => {
    expect(() => outputPlan({ format: 'html' }, 0)).not.toThrow();
  });
});
