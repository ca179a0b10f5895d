import { expect, test } from '@jest/globals';
import type { Capture, WireError } from '#daemon/protocol/index.js';
import { describeModule } from './describe-module.js';

interface DictationMarkdown {
  readonly markdownOf: (capture: Capture) => string;
  readonly stateOf: (capture: Capture) => string;
  readonly hintOf: (capture: Capture) => string | undefined;
  readonly clockOf: (seconds: number) => string;
  readonly barOf: (db: number) => string;
  readonly languageName: (code: string | undefined) => string;
  readonly escaped: (text: string) => string;
}

const error = (code: WireError['code'], message: string, hint: string): WireError => ({
  code,
  message,
  hint,
  retryable: false,
});

function capture(changes: Partial<Capture> = {}): Capture {
  return {
    id: 'one',
    startedMs: 0,
    phase: 'listening',
    requested: {},
    committed: '',
    tentative: '',
    seconds: 3,
    db: -30,
    noSignalSeconds: 0,
    speaking: true,
    engine: 'listening',
    daemon: 'connected',
    ...changes,
  };
}

await describeModule<DictationMarkdown>(
  'dictation/dictation-markdown',
  ({ markdownOf, stateOf, hintOf, clockOf, barOf, languageName, escaped }) => {
    test('what is said for good is plain, what may still change in italics', () => {
      expect(markdownOf(capture({ committed: 'Hello there ', tentative: 'my friend' }))).toBe(
        'Hello there *my friend*',
      );
      expect(markdownOf(capture({ committed: 'Hello there.', tentative: '' }))).toBe('Hello there.');
    });

    test('after a switch it is said that all is written down again', () => {
      expect([
        stateOf(capture({ retranscribing: true })),
        markdownOf(capture({ retranscribing: true })),
      ]).toEqual(['Writing it down again…', '*Writing it down again…*']);
    });

    test('that another microphone is used is said, but nothing more urgent is hidden by it', () => {
      const other = { device: 'Built-in', missingDevice: 'AirPods' };
      expect(hintOf(capture(other))).toBe('AirPods is not connected: Built-in is used.');
      expect(hintOf(capture({ ...other, daemon: 'lost' }))).toContain('daemon');
    });

    test('a language without spaces between its words gets none', () => {
      expect(markdownOf(capture({ committed: '今日は', tentative: 'いい天気' }))).toBe('今日は*いい天気*');
    });

    test('of a long text the end is in sight, cut between words', () => {
      const text = 'word '.repeat(1_000);
      const shown = markdownOf(capture({ committed: text, tentative: 'last' }));
      expect(shown.length).toBeLessThan(1_300);
      expect(shown).toMatch(/^…word /);
      expect(shown).toMatch(/word \*last\*$/);
      expect(markdownOf(capture({ phase: 'final', text: text }))).toBe(text);
    });

    test('nothing that is said is taken for Markdown', () => {
      for (const text of ['# one', '2 * 3 * 4', '1. first', '- a dash', '`code`', '[a](b)', '$5 & more']) {
        expect(escaped(text).replaceAll('\\', '')).toBe(text);
      }
      expect(escaped('# one')).toBe('\\# one');
      expect(escaped('1. first')).toBe('1\\. first');
      expect(escaped('one\ntwo')).toBe('one  \ntwo');
    });

    test('each state has a word, and the gravest one is said', () => {
      expect(stateOf(capture())).toBe('Hearing you');
      expect(stateOf(capture({ speaking: false }))).toBe('Listening');
      expect(stateOf(capture({ engine: 'waiting' }))).toBe('Loading the model…');
      expect(stateOf(capture({ engine: 'waiting', daemon: 'lost' }))).toBe('Reconnecting…');
      expect(stateOf(capture({ daemon: 'lost', noSignalSeconds: 9 }))).toBe('No signal');
      expect(stateOf(capture({ phase: 'paused', noSignalSeconds: 9 }))).toBe('Paused');
    });

    test('what somebody should know comes with it, and nothing else', () => {
      expect(hintOf(capture())).toBeUndefined();
      expect(hintOf(capture({ noSignalSeconds: 9.7, device: 'AirPods' }))).toMatch(
        /from AirPods for 9 seconds/,
      );
      expect(hintOf(capture({ daemon: 'lost' }))).toMatch(/What you say is kept/);
      expect(hintOf(capture({ phase: 'cancelled' }))).toMatch(/undo/);
    });

    test('what went wrong is said in sentences, in Raycast’s words, and commands stay readable', () => {
      const denied = capture({
        phase: 'failed',
        error: error('MIC_DENIED', 'it is not allowed', 'a shell’s'),
      });
      expect(hintOf(denied)).toMatch(/^It is not allowed\. Allow Raycast the microphone/);
      const broken = error('DAEMON_UNAVAILABLE', 'the daemon is gone', 'run `sotto agent start_it`');
      expect(hintOf(capture({ phase: 'failed', error: broken }))).toBe(
        'The daemon is gone. Run `sotto agent start_it`.',
      );
    });

    test('an empty dictation says so in words', () => {
      expect(markdownOf(capture())).toBe('*Speak now.*');
      expect(markdownOf(capture({ phase: 'final', text: '' }))).toBe('*Nothing was said.*');
      expect(markdownOf(capture({ phase: 'cancelled', committed: 'never mind' }))).toMatch(/^~~never mind~~/);
    });

    test('times, loudness and languages are for people', () => {
      expect([0, 5.9, 65, 3_605].map(clockOf)).toEqual(['0:00', '0:05', '1:05', '60:05']);
      expect([-120, -58, -12, 0].map(barOf)).toEqual(['▁', '▁', '█', '█']);
      expect([languageName('de'), languageName('auto'), languageName(undefined)]).toEqual([
        'German',
        'Finding out…',
        'Finding out…',
      ]);
      expect(languageName('not a code')).toBe('not a code');
    });
  },
);
