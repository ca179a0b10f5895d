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
  readonly retentionText: (retention: { days: number; audio: boolean; compact?: boolean }) => string;
}

await describeModule<HistoryText>(
  'history/history-text',
  ({ titleOf, markdownOf, wordCount, retentionText }) => {
    test('makes a title of one line, with the match of a search', () => {
      expect(titleOf({ text: ' One\n\n two ', state: 'final' })).toBe('One two');
      expect(titleOf({ text: 'One two three', snippet: '…two three', state: 'final' })).toBe('…two three');
      expect(titleOf({ text: '', state: 'final' })).toBe('No speech detected');
      expect(titleOf({ text: '', state: 'failed' })).toBe('Not transcribed');
    });

    test('escapes Markdown in the text', () => {
      expect(markdownOf({ text: '*So* it\nis', state: 'final' })).toBe('\\*So\\* it  \nis');
    });

    test('says why it failed, and whether its audio is saved', () => {
      const failed = { text: '', state: 'failed', errorCode: 'ENGINE_CRASHED' };
      expect(markdownOf(failed)).toMatch(/^> This couldn’t be transcribed\. \w.*\.$/);
      expect(markdownOf(failed)).not.toContain('audio');
      expect(markdownOf({ ...failed, audio: '/a.wav' })).toMatch(
        /The audio is saved, so you can try again\.$/,
      );
      expect(markdownOf({ text: 'Half.', state: 'failed' })).toMatch(/^Half\.\n\n> /);
    });

    test('counts words with and without spaces between them', () => {
      expect(wordCount('Two words, and “two” more.')).toBe(5);
      expect(wordCount('')).toBe(0);
      expect(wordCount('今日は天気です')).toBeGreaterThan(2);
    });

    test.each([
      [{ days: 0, audio: true }, 'not kept'],
      [{ days: 1, audio: false }, 'kept for 1 day, without audio'],
      [{ days: 30, audio: true }, 'kept for 30 days, with audio'],
      [{ days: 36_500, audio: true }, 'kept forever, with audio'],
      [{ days: 7, audio: true, compact: true }, 'kept for 7 days, with compact audio'],
    ])('describes %j', (retention, label) => {
      expect(retentionText(retention)).toBe(label);
    });
  },
);
