/** What is committed of a hypothesis, and when; what is shown beyond it. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  dropFirst,
  cutsOf,
  type Hypothesis,
  countAgreements,
  hypothesisWords,
  countWholeWords,
  wordStarts,
} from '#daemon/models/streaming/hypothesis.js';
import {
  agreementAndAlignAtt,
  agreementThenAlignAtt,
  alignAtt,
  type CommitPolicy,
  localAgreement,
  type PolicyInput,
  type TentativeThresholds,
  commitWhen,
  tentativeCount,
} from '#daemon/models/streaming/commit-policy.js';

/** A hypothesis out of words; each token is a letter, and looks at the frame ten times its place. */
function guess(text: string, options: Partial<Hypothesis> = {}): Hypothesis {
  const pieces = text.match(/ ?[^ ]/g) ?? [];
  return {
    tokens: pieces.map((piece) => piece.charCodeAt(piece.length - 1)),
    cuts: cutsOf(pieces, true),
    attendedFrames: pieces.map((_, i) => 10 * i),
    probabilities: pieces.map(() => 0.9),
    agreementCount: pieces.map(() => 1),
    audioFrames: 10 * pieces.length + 30,
    ended: false,
    ...options,
  };
}

function policyInput(now: Hypothesis, options: Partial<PolicyInput> = {}): PolicyInput {
  return { now, first: false, paused: false, audioSeconds: 5, ...options };
}

const hypotheses = fc
  .tuple(
    fc.string({ unit: fc.constantFrom('a', 'b', ' ', '.'), maxLength: 12 }),
    fc.boolean(),
    fc.array(fc.tuple(fc.nat(200), fc.nat(4), fc.double({ min: 0, max: 1, noNaN: true })), {
      minLength: 12,
      maxLength: 12,
    }),
  )
  .map(([text, ended, all]) => {
    const some = all.slice(0, guess(text).tokens.length);
    return guess(text, {
      attendedFrames: some.map(([frame]) => frame),
      agreementCount: some.map(([, agreementCount]) => agreementCount + 1),
      probabilities: some.map(([, , probability]) => probability),
      ended,
      audioFrames: 150,
    });
  });

const policies: [string, CommitPolicy][] = [
  ['AlignAtt', alignAtt(25)],
  ['LocalAgreement', localAgreement()],
  ['agreement, then AlignAtt', agreementThenAlignAtt(25)],
  ['both at once', agreementAndAlignAtt(25)],
  ['several ways', commitWhen({ frames: 15, agreementCount: 2, probability: 0.5 }, { frames: 75 })],
];

describe.each(policies)('%s', (_, policy) => {
  test('commits nothing of a first guess, never half a word, and no more than there is', () => {
    fc.assert(
      fc.property(
        hypotheses,
        fc.boolean(),
        fc.boolean(),
        fc.double({ min: 0, max: 9, noNaN: true }),
        (now, first, paused, audioSeconds) => {
          const count = policy({ now, first, paused, audioSeconds });
          if (first) expect(count).toBe(0);
          expect(count).toBeGreaterThanOrEqual(0);
          expect(count).toBeLessThanOrEqual(now.tokens.length);
          if (count > 0 && count === now.tokens.length) expect(now.ended).toBe(true);
          else if (count > 0) expect(now.cuts[count]).toBe(true);
        },
      ),
    );
  });
});

describe('AlignAtt', () => {
  test('stops before the first token that looks at the end of the audio', () => {
    // 30 frames behind the last token: with 25, all are safe but the word that may go on.
    expect(alignAtt(25)(policyInput(guess('ab cd')))).toBe(2);
    expect(alignAtt(60)(policyInput(guess('ab cd')))).toBe(0);
    const looking = guess('ab cd ef', { attendedFrames: [0, 10, 999, 30, 40, 50] });
    expect(alignAtt(25)(policyInput(looking))).toBe(2);
  });

  test('dares more in a pause', () => {
    const now = guess('ab cd ef', { audioFrames: 53 });
    expect(alignAtt(25)(policyInput(now))).toBe(2);
    expect(alignAtt(25)(policyInput(now, { paused: true }))).toBe(4);
  });
});

describe('LocalAgreement', () => {
  test('commits the words that two looks in a row begin with', () => {
    expect(localAgreement()(policyInput(guess('ab cd ef', { agreementCount: [2, 2, 2, 2, 1, 1] })))).toBe(4);
    expect(localAgreement()(policyInput(guess('ab cd ef', { agreementCount: [2, 2, 1, 1, 2, 2] })))).toBe(2);
    const ended = guess('ab cd', { agreementCount: [3, 3, 2, 2], ended: true });
    expect(localAgreement()(policyInput(ended))).toBe(4);
  });
});

test('agreement rules while an utterance is young', () => {
  const policy = agreementThenAlignAtt(25, 2);
  expect(policy(policyInput(guess('ab cd'), { audioSeconds: 1.5 }))).toBe(0);
  expect(policy(policyInput(guess('ab cd'), { audioSeconds: 2.5 }))).toBe(2);
});

test('an improbable word waits, and all behind it, until it is old enough', () => {
  const policy = commitWhen({ frames: 20, probability: 0.5 }, { frames: 60 });
  const probabilities = [0.9, 0.9, 0.2, 0.2, 0.9, 0.9, 0.9, 0.9];
  expect(policy(policyInput(guess('ab cd ef gh', { probabilities, audioFrames: 85 })))).toBe(2);
  expect(policy(policyInput(guess('ab cd ef gh', { probabilities, audioFrames: 100 })))).toBe(6);
});

describe('in how many looks a word was said', () => {
  const words = (text: string, starts: number[]) =>
    hypothesisWords(text.match(/ ?[^ ]+/g) ?? [], starts, true);

  test('case, marks and a word before it do not matter', () => {
    const before = { words: words(' So, my fellow', [10, 30, 50]), agreementCount: [3, 2, 1] };
    expect(countAgreements(words(' so my dear Fellow.', [12, 33, 45, 60]), before)).toEqual([4, 3, 1, 2]);
  });

  test('the same word at another time is another', () => {
    const before = { words: words(' the cat the dog', [10, 30, 50, 70]), agreementCount: [1, 1, 1, 1] };
    expect(countAgreements(words(' the dog', [52, 71]), before)).toEqual([2, 2]);
    expect(countAgreements(words(' the', [200]), before)).toEqual([1]);
  });

  test('without a look before, once', () => {
    expect(countAgreements(words(' ab cd', [0, 9]), undefined)).toEqual([1, 1]);
  });
});

describe('what is shown beyond it', () => {
  const tentativeThresholds: TentativeThresholds = {
    minAudioSeconds: 1,
    edgeFrames: 4,
    probability: 0.5,
    minFirstProbability: 0.1,
  };
  const committed = { audioSeconds: 5, isUncommitted: false };

  test('nothing before a second was heard, nothing at the edge, and no half word', () => {
    const now = guess('ab cd ef', { audioFrames: 53 });
    expect(tentativeCount(now, 0, { audioSeconds: 0.9, isUncommitted: true }, tentativeThresholds)).toBe(0);
    expect(tentativeCount(now, 0, { audioSeconds: 1, isUncommitted: true }, tentativeThresholds)).toBe(4);
    expect(tentativeCount(now, 2, committed, tentativeThresholds)).toBe(2);
    expect(tentativeCount(now, 6, committed, tentativeThresholds)).toBe(0);
  });

  test('nothing improbable, but at the very beginning', () => {
    const now = guess('ab cd', { probabilities: [0.3, 0.3, 0.9, 0.9] });
    expect(tentativeCount(now, 0, { audioSeconds: 1, isUncommitted: true }, tentativeThresholds)).toBe(4);
    expect(tentativeCount(now, 0, committed, tentativeThresholds)).toBe(0);
  });
});

describe('whole words', () => {
  test('in languages without spaces every whole character may be the last', () => {
    const pieces = ['客', '', '観', '的']; // the second token is half a character
    expect(wordStarts(pieces, false)).toEqual([true, true, false, true]);
  });

  test('a text may be cut in front of a mark, not within a number', () => {
    expect(cutsOf([' so', ',', ' 1', ',', '000', '.'], true)).toEqual([
      true,
      true,
      true,
      false,
      false,
      false,
    ]);
    expect(cutsOf([' don', "'t", '!'], true)).toEqual([true, false, true]);
  });

  test('the last one is whole only where nothing follows', () => {
    expect(countWholeWords(guess('ab cd'), 4)).toBe(2);
    expect(countWholeWords(guess('ab cd', { ended: true }), 4)).toBe(4);
    expect(countWholeWords(guess('ab cd', { ended: true }), 3)).toBe(2);
  });

  test('what is left behind some of them goes on', () => {
    const left = dropFirst(guess('ab cd ef'), 2);
    expect(left.tokens).toEqual(guess('ab cd ef').tokens.slice(2));
    expect(left.attendedFrames).toEqual([20, 30, 40, 50]);
    expect(left.agreementCount).toHaveLength(4);
  });
});
