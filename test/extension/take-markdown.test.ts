import { expect, test } from '@jest/globals';
import type { Capture, WireError } from '#daemon/protocol/index.js';
import { describeLib } from './load-lib.js';

interface TakeMarkdown {
  readonly markdownOf: (take: Capture) => string;
  readonly stateOf: (take: Capture) => string;
  readonly hintOf: (take: Capture) => string | undefined;
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

function take(changes: Partial<Capture> = {}): Capture {
  return {
    id: 'one',
    startedMs: 0,
    phase: 'listening',
    asked: {},
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

await describeLib<TakeMarkdown>(
  'take-markdown',
  ({ markdownOf, stateOf, hintOf, clockOf, barOf, languageName, escaped }) => {
    test('what is said for good is plain, what may still change in italics', () => {
      expect(markdownOf(take({ committed: 'Hello there ', tentative: 'my friend' }))).toBe(
        'Hello there *my friend*',
      );
      expect(markdownOf(take({ committed: 'Hello there.', tentative: '' }))).toBe('Hello there.');
    });

    test('after a switch it is said that all is written down again', () => {
      expect([stateOf(take({ again: true })), markdownOf(take({ again: true }))]).toEqual([
        'Writing it down again…',
        '*Writing it down again…*',
      ]);
    });

    test('that another microphone is used is said, but nothing more urgent is hidden by it', () => {
      const other = { device: 'Built-in', insteadOfDevice: 'AirPods' };
      expect(hintOf(take(other))).toBe('AirPods is not connected: Built-in is used.');
      expect(hintOf(take({ ...other, daemon: 'lost' }))).toContain('daemon');
    });

    test('a language without spaces between its words gets none', () => {
      expect(markdownOf(take({ committed: '今日は', tentative: 'いい天気' }))).toBe('今日は*いい天気*');
    });

    test('of a long text the end is in sight, cut between words', () => {
      const said = 'word '.repeat(1_000);
      const shown = markdownOf(take({ committed: said, tentative: 'last' }));
      expect(shown.length).toBeLessThan(1_300);
      expect(shown).toMatch(/^…word /);
      expect(shown).toMatch(/word \*last\*$/);
      expect(markdownOf(take({ phase: 'final', text: said }))).toBe(said);
    });

    test('nothing that is said is taken for Markdown', () => {
      for (const said of ['# one', '2 * 3 * 4', '1. first', '- a dash', '`code`', '[a](b)', '$5 & more']) {
        expect(escaped(said).replaceAll('\\', '')).toBe(said);
      }
      expect(escaped('# one')).toBe('\\# one');
      expect(escaped('1. first')).toBe('1\\. first');
      expect(escaped('one\ntwo')).toBe('one  \ntwo');
    });

    test('each state has a word, and the gravest one is said', () => {
      expect(stateOf(take())).toBe('Hearing you');
      expect(stateOf(take({ speaking: false }))).toBe('Listening');
      expect(stateOf(take({ engine: 'waiting' }))).toBe('Loading the model…');
      expect(stateOf(take({ engine: 'waiting', daemon: 'lost' }))).toBe('Reconnecting…');
      expect(stateOf(take({ daemon: 'lost', noSignalSeconds: 9 }))).toBe('No signal');
      expect(stateOf(take({ phase: 'paused', noSignalSeconds: 9 }))).toBe('Paused');
    });

    test('what somebody should know comes with it, and nothing else', () => {
      expect(hintOf(take())).toBeUndefined();
      expect(hintOf(take({ noSignalSeconds: 9.7, device: 'AirPods' }))).toMatch(/from AirPods for 9 seconds/);
      expect(hintOf(take({ daemon: 'lost' }))).toMatch(/What you say is kept/);
      expect(hintOf(take({ phase: 'cancelled' }))).toMatch(/undo/);
    });

    test('what went wrong is said in sentences, in Raycast’s words, and commands stay readable', () => {
      const denied = take({ phase: 'failed', error: error('MIC_DENIED', 'it is not allowed', 'a shell’s') });
      expect(hintOf(denied)).toMatch(/^It is not allowed\. Allow Raycast the microphone/);
      const broken = error('DAEMON_UNAVAILABLE', 'the daemon is gone', 'run `sotto agent start_it`');
      expect(hintOf(take({ phase: 'failed', error: broken }))).toBe(
        'The daemon is gone. Run `sotto agent start_it`.',
      );
    });

    test('an empty dictation says so in words', () => {
      expect(markdownOf(take())).toBe('*Speak now.*');
      expect(markdownOf(take({ phase: 'final', text: '' }))).toBe('*Nothing was said.*');
      expect(markdownOf(take({ phase: 'cancelled', committed: 'never mind' }))).toMatch(/^~~never mind~~/);
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
