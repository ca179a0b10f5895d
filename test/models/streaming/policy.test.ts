/** What is committed of a hypothesis, and when. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Hypothesis, wholeWords, wordBeginnings } from '#daemon/models/streaming/hypothesis.js';
import {
  agreementAndAlignAtt,
  agreementThenAlignAtt,
  alignAtt,
  type CommitPolicy,
  localAgreement,
  tentativeCount,
} from '#daemon/models/streaming/policy.js';

/** A hypothesis out of words; each token is a letter, and looks at the frame ten times its place. */
function guess(text: string, options: Partial<Hypothesis> = {}): Hypothesis {
  const pieces = text.match(/ ?[^ ]/g) ?? [];
  return {
    tokens: pieces.map((piece) => piece.charCodeAt(piece.length - 1)),
    begins: wordBeginnings(pieces, true),
    attended: pieces.map((_, i) => 10 * i),
    audioFrames: 10 * pieces.length + 30,
    ended: false,
    ...options,
  };
}

const hypotheses = fc
  .tuple(
    fc.string({ unit: fc.constantFrom('a', 'b', ' '), maxLength: 12 }),
    fc.boolean(),
    fc.array(fc.nat(200), { minLength: 12, maxLength: 12 }),
  )
  .map(([text, ended, frames]) => {
    const attended = frames.slice(0, guess(text).tokens.length);
    return guess(text, { attended, ended, audioFrames: 150 });
  });

const policies: [string, CommitPolicy][] = [
  ['AlignAtt', alignAtt(25)],
  ['LocalAgreement', localAgreement()],
  ['agreement, then AlignAtt', agreementThenAlignAtt(25)],
  ['both at once', agreementAndAlignAtt(25)],
];

describe.each(policies)('%s', (_, policy) => {
  test('commits nothing of a first guess, never half a word, and no more than there is', () => {
    fc.assert(
      fc.property(
        hypotheses,
        fc.option(hypotheses, { nil: undefined }),
        fc.boolean(),
        fc.double({ min: 0, max: 9, noNaN: true }),
        (now, before, paused, heardSeconds) => {
          const count = policy({ now, before, paused, heardSeconds });
          if (before === undefined) expect(count).toBe(0);
          expect(count).toBeGreaterThanOrEqual(0);
          expect(count).toBeLessThanOrEqual(now.tokens.length);
          if (count > 0 && count === now.tokens.length) expect(now.ended).toBe(true);
          else if (count > 0) expect(now.begins[count]).toBe(true);
        },
      ),
    );
  });
});

describe('AlignAtt', () => {
  const before = guess('');
  test('stops before the first token that looks at the end of the audio', () => {
    // 30 frames behind the last token: with 25, all are safe but the word that may go on.
    expect(alignAtt(25)({ now: guess('ab cd'), before, paused: false, heardSeconds: 5 })).toBe(2);
    expect(alignAtt(60)({ now: guess('ab cd'), before, paused: false, heardSeconds: 5 })).toBe(0);
    const looking = guess('ab cd ef', { attended: [0, 10, 999, 30, 40, 50] });
    expect(alignAtt(25)({ now: looking, before, paused: false, heardSeconds: 5 })).toBe(2);
  });

  test('dares more in a pause', () => {
    const now = guess('ab cd ef', { audioFrames: 53 });
    expect(alignAtt(25)({ now, before, paused: false, heardSeconds: 5 })).toBe(2);
    expect(alignAtt(25)({ now, before, paused: true, heardSeconds: 5 })).toBe(4);
  });
});

describe('LocalAgreement', () => {
  test('commits the words that two hypotheses begin with', () => {
    const moment = { before: guess('ab cd ex'), paused: false, heardSeconds: 5 };
    expect(localAgreement()({ ...moment, now: guess('ab cd ef') })).toBe(4);
    expect(localAgreement()({ ...moment, now: guess('ab xx ef') })).toBe(2);
    expect(localAgreement()({ ...moment, now: guess('ab cd ex', { ended: true }) })).toBe(6);
  });
});

test('agreement rules while an utterance is young', () => {
  const policy = agreementThenAlignAtt(25, 2);
  const [now, before] = [guess('ab cd'), guess('xy cd')];
  expect(policy({ now, before, paused: false, heardSeconds: 1.5 })).toBe(0);
  expect(policy({ now, before, paused: false, heardSeconds: 2.5 })).toBe(2);
});

describe('what is shown beyond it', () => {
  test('nothing before a second was heard, and nothing at the edge', () => {
    const now = guess('ab cd ef', { audioFrames: 53 });
    expect(tentativeCount(now, 2, 0.9)).toBe(0);
    expect(tentativeCount(now, 2, 1)).toBe(3);
    expect(tentativeCount(now, 6, 5)).toBe(0);
  });
});

describe('whole words', () => {
  test('in languages without spaces every whole character may be the last', () => {
    const pieces = ['客', '', '観', '的']; // the second token is half a character
    expect(wordBeginnings(pieces, false)).toEqual([true, true, false, true]);
  });

  test('the last one is whole only where nothing follows', () => {
    expect(wholeWords(guess('ab cd'), 4)).toBe(2);
    expect(wholeWords(guess('ab cd', { ended: true }), 4)).toBe(4);
    expect(wholeWords(guess('ab cd', { ended: true }), 3)).toBe(2);
  });
});
