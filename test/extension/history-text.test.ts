import { expect, test } from '@jest/globals';
import { describeModule } from './describe-module.js';

interface Past {
  readonly text: string;
  readonly state: string;
  readonly snippet?: string;
  readonly errorCode?: string;
  readonly audio?: string;
}

interface HistoryText {
  readonly titleOf: (past: Past) => string;
  readonly markdownOf: (past: Past) => string;
  readonly wordCount: (text: string) => number;
  readonly retentionText: (retention: { days: number; audio: boolean }) => string;
}

await describeModule<HistoryText>(
  'history/history-text',
  ({ titleOf, markdownOf, wordCount, retentionText }) => {
    test('a title is one line, and of a search what was looked for', () => {
      expect(titleOf({ text: ' One\n\n two ', state: 'final' })).toBe('One two');
      expect(titleOf({ text: 'One two three', snippet: '…two three', state: 'final' })).toBe('…two three');
      expect(titleOf({ text: '', state: 'final' })).toBe('Nothing was said');
      expect(titleOf({ text: '', state: 'failed' })).toBe('Not written down yet');
    });

    test('what was said is shown as it was said, and is no Markdown', () => {
      expect(markdownOf({ text: '*So* it\nis', state: 'final' })).toBe('\\*So\\* it  \nis');
    });

    test('a failed one says why, and that its sound is kept where it is', () => {
      const failed = { text: '', state: 'failed', errorCode: 'ENGINE_CRASHED' };
      expect(markdownOf(failed)).toMatch(/^> This could not be written down\. \w.*\.$/);
      expect(markdownOf(failed)).not.toContain('sound');
      expect(markdownOf({ ...failed, audio: '/a.wav' })).toMatch(/Its sound is kept: transcribe it again\.$/);
      expect(markdownOf({ text: 'Half.', state: 'failed' })).toMatch(/^Half\.\n\n> /);
    });

    test('words are counted, with spaces between them or without', () => {
      expect(wordCount('Two words, and “two” more.')).toBe(5);
      expect(wordCount('')).toBe(0);
      expect(wordCount('今日は天気です')).toBeGreaterThan(2);
    });

    test.each([
      [{ days: 0, audio: true }, 'are not kept'],
      [{ days: 1, audio: false }, 'are kept for a day, without their sound'],
      [{ days: 30, audio: true }, 'are kept for 30 days, with their sound'],
      [{ days: 36_500, audio: true }, 'are kept forever, with their sound'],
    ])('%j is said as a person would', (retention, label) => {
      expect(retentionText(retention)).toBe(label);
    });
  },
);
