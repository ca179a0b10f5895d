import { expect, test } from '@jest/globals';
import { describeLib } from './load-lib.js';

interface MenuFace {
  readonly faceOf: (state: object) => { says: string };
  readonly lineOf: (text: string) => string;
}

await describeLib<MenuFace>('menu-face', ({ faceOf, lineOf }) => {
  const daemon = { state: 'ready', engine: {} };
  const take = { phase: 'listening', noSignalSeconds: 0, daemon: 'connected', speaking: true };

  test('a dictation is worth more than what the daemon is at', () => {
    expect(faceOf({ take, daemon }).says).toBe('Hearing you');
    expect(faceOf({ take: { ...take, phase: 'paused' }, daemon }).says).toBe('Paused');
    expect(faceOf({ take: { ...take, phase: 'final' }, daemon }).says).toBe('Ready');
  });

  test('without a daemon nothing is wrong; a degraded one says why', () => {
    expect(faceOf({}).says).toBe('Starts with your next dictation');
    expect(faceOf({ daemon: { ...daemon, state: 'degraded', reason: 'the addon is missing' } }).says).toBe(
      'The addon is missing',
    );
    expect(faceOf({ daemon: { ...daemon, engine: { coming: 'large' } } }).says).toBe('Loading the model…');
  });

  test('a text is cut behind a word, and stands in one line', () => {
    expect(lineOf('two\nlines')).toBe('two lines');
    expect(lineOf('the quick brown fox jumps over the lazy dog again')).toBe(
      'the quick brown fox jumps over the lazy dog…',
    );
    expect(lineOf('a'.repeat(60))).toHaveLength(45);
  });
});
