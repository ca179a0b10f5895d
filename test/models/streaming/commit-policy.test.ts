/** Which tokens of a hypothesis are committed, and which are shown. */
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
  finalEmissions,
  tentativeCount,
} from '#daemon/models/streaming/commit-policy.js';

interface Attention {
  readonly attendedFrames: readonly number[];
  readonly audioFrames: number;
}

/** A hypothesis of words: one token per letter, which attends to the frame at ten times its index. */
function guess(
  text: string,
  { attendedFrames, audioFrames, ...options }: Partial<Hypothesis & Attention> = {},
): Hypothesis {
  const pieces = text.match(/ ?[^ ]/g) ?? [];
  return {
    tokens: pieces.map((piece) => piece.charCodeAt(piece.length - 1)),
    cuts: cutsOf(pieces, true),
    edgeFrames: (attendedFrames ?? pieces.map((_, i) => 10 * i)).map(
      (frame) => (audioFrames ?? 10 * pieces.length + 30) - frame,
    ),
    probabilities: pieces.map(() => 0.9),
    agreementCount: pieces.map(() => 1),
    ended: false,
    ...options,
  };
}

function policyInput(hypothesis: Hypothesis, options: Partial<PolicyInput> = {}): PolicyInput {
  return { hypothesis, isFirstStep: false, isPaused: false, audioSeconds: 5, ...options };
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
  ['final emissions', finalEmissions()],
  ['several ways', commitWhen({ edgeFrames: 15, agreementCount: 2, probability: 0.5 }, { edgeFrames: 75 })],
];

describe.each(policies)('%s', (_, policy) => {
  test('commits nothing in the first step, never half a word, and no more than it has', () => {
    fc.assert(
      fc.property(
        hypotheses,
        fc.boolean(),
        fc.boolean(),
        fc.double({ min: 0, max: 9, noNaN: true }),
        (hypothesis, isFirstStep, isPaused, audioSeconds) => {
          const count = policy({ hypothesis, isFirstStep, isPaused, audioSeconds });
          if (isFirstStep) expect(count).toBe(0);
          expect(count).toBeGreaterThanOrEqual(0);
          expect(count).toBeLessThanOrEqual(hypothesis.tokens.length);
          if (count > 0 && count === hypothesis.tokens.length) expect(hypothesis.ended).toBe(true);
          else if (count > 0) expect(hypothesis.cuts[count]).toBe(true);
        },
      ),
    );
  });
});

describe('AlignAtt', () => {
  test('stops before the first token that attends to the end of the audio', () => {
    // 30 frames after the last token: at 25 all are safe except the incomplete word.
    expect(alignAtt(25)(policyInput(guess('ab cd')))).toBe(2);
    expect(alignAtt(60)(policyInput(guess('ab cd')))).toBe(0);
    const looking = guess('ab cd ef', { attendedFrames: [0, 10, 999, 30, 40, 50] });
    expect(alignAtt(25)(policyInput(looking))).toBe(2);
  });

  test('commits more in a pause', () => {
    const now = guess('ab cd ef', { audioFrames: 53 });
    expect(alignAtt(25)(policyInput(now))).toBe(2);
    expect(alignAtt(25)(policyInput(now, { isPaused: true }))).toBe(4);
  });
});

describe('LocalAgreement', () => {
  test('commits the words that two consecutive steps start with', () => {
    expect(localAgreement()(policyInput(guess('ab cd ef', { agreementCount: [2, 2, 2, 2, 1, 1] })))).toBe(4);
    expect(localAgreement()(policyInput(guess('ab cd ef', { agreementCount: [2, 2, 1, 1, 2, 2] })))).toBe(2);
    const ended = guess('ab cd', { agreementCount: [3, 3, 2, 2], ended: true });
    expect(localAgreement()(policyInput(ended))).toBe(4);
  });
});

test('requires agreement early in an utterance', () => {
  const policy = agreementThenAlignAtt(25, 2);
  expect(policy(policyInput(guess('ab cd'), { audioSeconds: 1.5 }))).toBe(0);
  expect(policy(policyInput(guess('ab cd'), { audioSeconds: 2.5 }))).toBe(2);
});

test('delays an improbable word, and all after it', () => {
  const policy = commitWhen({ edgeFrames: 20, probability: 0.5 }, { edgeFrames: 60 });
  const probabilities = [0.9, 0.9, 0.2, 0.2, 0.9, 0.9, 0.9, 0.9];
  expect(policy(policyInput(guess('ab cd ef gh', { probabilities, audioFrames: 85 })))).toBe(2);
  expect(policy(policyInput(guess('ab cd ef gh', { probabilities, audioFrames: 100 })))).toBe(6);
});

describe('consecutive steps that agree on a word', () => {
  const words = (text: string, starts: number[]) =>
    hypothesisWords(text.match(/ ?[^ ]+/g) ?? [], starts, true);

  test('ignore case, punctuation and the word before it', () => {
    const before = { words: words(' So, my fellow', [10, 30, 50]), agreementCount: [3, 2, 1] };
    expect(countAgreements(words(' so my dear Fellow.', [12, 33, 45, 60]), before)).toEqual([4, 3, 1, 2]);
  });

  test('require about the same time', () => {
    const before = { words: words(' the cat the dog', [10, 30, 50, 70]), agreementCount: [1, 1, 1, 1] };
    expect(countAgreements(words(' the dog', [52, 71]), before)).toEqual([2, 2]);
    expect(countAgreements(words(' the', [200]), before)).toEqual([1]);
  });

  test('start at one', () => {
    expect(countAgreements(words(' ab cd', [0, 9]), undefined)).toEqual([1, 1]);
  });
});

describe('final emissions', () => {
  const emitted = (text: string, options: Partial<Hypothesis> = {}) => {
    const hypothesis = guess(text, options);
    return { ...hypothesis, edgeFrames: hypothesis.tokens.map(() => Infinity) };
  };

  test('are committed in whole words, in the first step as well', () => {
    expect(finalEmissions()(policyInput(emitted('ab cd'), { isFirstStep: true }))).toBe(2);
    expect(finalEmissions()(policyInput(emitted('ab cd', { ended: true })))).toBe(4);
    expect(finalEmissions()(policyInput(emitted('')))).toBe(0);
  });

  test('end where a token may still change', () => {
    const some = {
      ...emitted('ab cd ef'),
      edgeFrames: [Infinity, Infinity, Infinity, Infinity, 90, Infinity],
    };
    expect(finalEmissions()(policyInput(some))).toBe(4);
  });
});

describe('tentative text', () => {
  const tentativeThresholds: TentativeThresholds = {
    minAudioSeconds: 1,
    edgeFrames: 4,
    probability: 0.5,
    minFirstProbability: 0.1,
  };
  const committed = { audioSeconds: 5, isUncommitted: false };

  test('has nothing in the first second, nothing at the edge, and no half word', () => {
    const now = guess('ab cd ef', { audioFrames: 53 });
    expect(tentativeCount(now, 0, { audioSeconds: 0.9, isUncommitted: true }, tentativeThresholds)).toBe(0);
    expect(tentativeCount(now, 0, { audioSeconds: 1, isUncommitted: true }, tentativeThresholds)).toBe(4);
    expect(tentativeCount(now, 2, committed, tentativeThresholds)).toBe(2);
    expect(tentativeCount(now, 6, committed, tentativeThresholds)).toBe(0);
  });

  test('has improbable words only at the very start', () => {
    const now = guess('ab cd', { probabilities: [0.3, 0.3, 0.9, 0.9] });
    expect(tentativeCount(now, 0, { audioSeconds: 1, isUncommitted: true }, tentativeThresholds)).toBe(4);
    expect(tentativeCount(now, 0, committed, tentativeThresholds)).toBe(0);
  });
});

describe('whole words', () => {
  test('end at any complete character in languages without spaces', () => {
    const pieces = ['客', '', '観', '的']; // the second token is half a character
    expect(wordStarts(pieces, false)).toEqual([true, true, false, true]);
  });

  test('may be cut before punctuation, not inside a number', () => {
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

  test('include the last one only at the end of the text', () => {
    expect(countWholeWords(guess('ab cd'), 4)).toBe(2);
    expect(countWholeWords(guess('ab cd', { ended: true }), 4)).toBe(4);
    expect(countWholeWords(guess('ab cd', { ended: true }), 3)).toBe(2);
  });

  test('can be dropped from the start', () => {
    const left = dropFirst(guess('ab cd ef'), 2);
    expect(left.tokens).toEqual(guess('ab cd ef').tokens.slice(2));
    expect(left.edgeFrames).toEqual([70, 60, 50, 40]);
    expect(left.agreementCount).toHaveLength(4);
  });
});
