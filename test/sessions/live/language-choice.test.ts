/** The decision between the model for English and the multilingual one. */
import { describe, expect, test } from '@jest/globals';
import type { DecodeStep, LanguageEvidence } from '#daemon/protocol/ipc.js';
import { SAMPLE_RATE } from '#daemon/protocol/live.js';
import { decideLanguage, LanguageChoice } from '#daemon/sessions/live/language-choice.js';
import { seededRandom } from '#test/harness/seeded-random.js';

const english = (probability: number, seconds: number): LanguageEvidence => ({
  language: 'en',
  probability,
  seconds,
});

function decide(evidence: LanguageEvidence | undefined, waitedSeconds = 0, isOver = false) {
  return decideLanguage({ evidence, waitedSeconds, isOver });
}

describe('decideLanguage', () => {
  test.each([
    ['no speech yet', undefined, 0, 'undecided'],
    ['little speech', english(0.99, 0.9), 0, 'undecided'],
    ['certain after a second', english(0.8, 1), 0, 'english'],
    ['probable after a second', english(0.7, 1), 0, 'undecided'],
    ['probable after two seconds', english(0.6, 2), 0, 'english'],
    ['uncertain after two seconds', english(0.59, 2), 0, 'other'],
    ['little speech, but a long wait', english(0.9, 0.4), 4, 'english'],
  ] as const)('%s', (_, evidence, waited, expected) => {
    expect(decide(evidence, waited)).toBe(expected);
  });

  test('another language is never English, however certain', () => {
    const random = seededRandom(1);
    for (let i = 0; i < 500; i++) {
      const evidence = { language: 'de', probability: random(), seconds: 5 * random() };
      expect(decide(evidence, 6 * random(), random() < 0.5)).not.toBe('english');
    }
  });

  test('more probable English never changes English to another decision', () => {
    const random = seededRandom(2);
    for (let i = 0; i < 2000; i++) {
      const [low, high] = [random(), random()].sort((a, b) => a - b) as [number, number];
      const [seconds, waited, isOver] = [4 * random(), 6 * random(), random() < 0.2];
      if (decide(english(low, seconds), waited, isOver) !== 'english') continue;
      expect(decide(english(high, seconds), waited, isOver)).toBe('english');
    }
  });

  test('the last step decides', () => {
    const random = seededRandom(3);
    expect(decide(undefined, 0, true)).toBe('other');
    for (let i = 0; i < 500; i++)
      expect(decide(english(random(), 3 * random()), 0, true)).not.toBe('undecided');
  });
});

describe('LanguageChoice', () => {
  const word = { start: 0, end: 1, word: ' a', probability: 1 };
  const step = (seconds: number, more: Partial<DecodeStep> = {}): DecodeStep => ({
    committed: [],
    tentative: '',
    decodedSamples: seconds * SAMPLE_RATE,
    intervalSeconds: 0.5,
    checkpoint: { fromSample: 0, state: 0 },
    ...more,
  });

  test('holds the words until it is decided, four seconds after the first speech at the latest', () => {
    const choice = new LanguageChoice();
    expect(choice.add(step(10), false)).toBe('undecided');
    expect(choice.add(step(10.5, { evidence: english(0.5, 0.5), committed: [word] }), false)).toBe(
      'undecided',
    );
    expect(choice.add(step(14, { committed: [word] }), false)).toBe('undecided');
    expect(choice.heldWords).toEqual([word, word]);
    expect(choice.add(step(14.5), false)).toBe('other');
  });

  test('is decided by the last evidence', () => {
    const choice = new LanguageChoice();
    const probabilities = [0.9, 0.7, 0.65, 0.6];
    const decisions = probabilities.map((probability, i) => {
      const seconds = (i + 1) / 2;
      return choice.add(step(seconds, { evidence: english(probability, seconds) }), false);
    });
    expect(decisions).toEqual(['undecided', 'undecided', 'undecided', 'english']);
  });
});
