import { expect, test } from '@jest/globals';
import type { DictationView } from '#daemon/client/index.js';
import type { WireError } from '#daemon/protocol/index.js';
import { describeModule } from './describe-module.js';

interface DictationMarkdown {
  readonly markdownOf: (capture: DictationView) => string;
  readonly stateOf: (capture: DictationView) => string;
  readonly hintOf: (capture: DictationView) => string | undefined;
  readonly barOf: (db: number) => string;
}

const error = (code: WireError['code'], message: string, hint: string): WireError => ({
  code,
  message,
  hint,
  retryable: false,
});

function capture(changes: Partial<DictationView> = {}): DictationView {
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
  ({ markdownOf, stateOf, hintOf, barOf }) => {
    test('shows committed text plain and tentative text in italics', () => {
      expect(markdownOf(capture({ committed: 'Hello there ', tentative: 'my friend' }))).toBe(
        'Hello there *my friend*',
      );
      expect(markdownOf(capture({ committed: 'Hello there.', tentative: '' }))).toBe('Hello there.');
    });

    test('says after a switch that it transcribes again', () => {
      expect([
        stateOf(capture({ retranscribing: true })),
        markdownOf(capture({ retranscribing: true })),
      ]).toEqual(['Transcribing again…', '*Transcribing again…*']);
    });

    test('says that another microphone is used, unless something is more urgent', () => {
      const other = { device: 'Built-in', missingDevice: 'AirPods' };
      expect(hintOf(capture(other))).toBe('AirPods isn’t connected. Using Built-in.');
      expect(hintOf(capture({ ...other, daemon: 'lost' }))).toContain('Sotto is restarting');
    });

    test('adds no spaces in languages without them', () => {
      expect(markdownOf(capture({ committed: '今日は', tentative: 'いい天気' }))).toBe('今日は*いい天気*');
    });

    test('shows the end of a long text, cut between words', () => {
      const text = 'word '.repeat(1_000);
      const shown = markdownOf(capture({ committed: text, tentative: 'last' }));
      expect(shown.length).toBeLessThan(1_300);
      expect(shown).toMatch(/^…word /);
      expect(shown).toMatch(/word \*last\*$/);
      expect(markdownOf(capture({ phase: 'final', text }))).toBe(text);
    });

    test('names the most serious state', () => {
      expect(stateOf(capture())).toBe('Listening');
      expect(stateOf(capture({ engine: 'waiting' }))).toBe('Loading the model…');
      expect(stateOf(capture({ engine: 'waiting', daemon: 'lost' }))).toBe('Reconnecting…');
      expect(stateOf(capture({ daemon: 'lost', noSignalSeconds: 9 }))).toBe('No signal');
      expect(stateOf(capture({ phase: 'paused', noSignalSeconds: 9 }))).toBe('Paused');
    });

    test('gives a hint only if the user should know or do something', () => {
      expect(hintOf(capture())).toBeUndefined();
      expect(hintOf(capture({ noSignalSeconds: 9.7, device: 'AirPods' }))).toMatch(
        /from AirPods for 9 seconds/,
      );
      expect(hintOf(capture({ daemon: 'lost' }))).toMatch(/nothing is lost/);
      expect(hintOf(capture({ phase: 'cancelled' }))).toMatch(/undo/);
    });

    test('shows errors as sentences with hints for Raycast, and keeps commands readable', () => {
      const denied = capture({
        phase: 'failed',
        error: error('MIC_DENIED', 'it is not allowed', 'a shell’s'),
      });
      expect(hintOf(denied)).toMatch(/^It is not allowed\. Allow Raycast to use the microphone/);
      const broken = error('DAEMON_UNAVAILABLE', 'the daemon exited', 'run `sotto agent start_it`');
      expect(hintOf(capture({ phase: 'failed', error: broken }))).toBe(
        'The daemon exited. Run `sotto agent start_it`.',
      );
    });

    test('says so if a dictation is empty', () => {
      expect(markdownOf(capture())).toBe('*Start speaking…*');
      expect(markdownOf(capture({ phase: 'final', text: '' }))).toBe('*No speech detected.*');
      expect(markdownOf(capture({ phase: 'cancelled', committed: 'never mind' }))).toMatch(/^~~never mind~~/);
    });

    test('draws loudness as a block character', () => {
      expect([-120, -58, -12, 0].map(barOf)).toEqual(['▁', '▁', '█', '█']);
    });
  },
);
