/** Committed text is never retracted, never half a character, and survives moves of the window. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { commitWhen } from '#daemon/models/streaming/commit-policy.js';
import { LiveText } from '#daemon/models/whisper/streaming/live-text.js';
import { LiveWords } from '#daemon/models/whisper/streaming/live-words.js';
import { findWindowCut } from '#daemon/models/streaming/window-cut.js';

/** A tokenizer whose tokens are bytes, so that many characters need several. */
const bytes = {
  textStream() {
    const decoder = new TextDecoder();
    return {
      push: (token: number) => decoder.decode(Uint8Array.of(token), { stream: true }),
      end: () => decoder.decode(),
    };
  },
};
const tokensOf = (text: string): number[] => [...new TextEncoder().encode(text)];
const textOf = (tokens: readonly number[]): string => new TextDecoder().decode(Uint8Array.from(tokens));

/** A decode step over the text after the committed tokens, with four frames per token. */
function updateText(liveText: LiveText, spoken: string, spaced: boolean, probability: number): void {
  const first = liveText.committed.length;
  const tokens = tokensOf(spoken).slice(first);
  const starts = Array.from({ length: first + tokens.length + 1 }, (_, i) => 4 * i);
  liveText.update({
    words: new LiveWords(bytes, tokens, spaced),
    logprobs: tokens.map(() => Math.log(probability)),
    committedStarts: starts.slice(0, first),
    starts: starts.slice(first),
    attendedFrames: starts.slice(first, -1),
    audioFrames: 4 * (first + tokens.length),
    ended: false,
  });
}

const texts = fc.string({
  unit: fc.constantFrom(' ', ' a', 'b', 'é', ' ы', '字', '.', ',', '😀', "'", '1'),
  minLength: 1,
  maxLength: 60,
});

describe('the committed text of a window', () => {
  test('is the spoken text, in whole characters and words, for any steps', () => {
    const policy = commitWhen({ edgeFrames: 20, agreementCount: 2, probability: 0.5 }, { edgeFrames: 60 });
    fc.assert(
      fc.property(
        texts,
        fc.boolean(),
        fc.array(fc.tuple(fc.nat(60), fc.double({ min: 0.1, max: 1, noNaN: true })), { maxLength: 12 }),
        (spoken, spaced, steps) => {
          const liveText = new LiveText((tokens) => new LiveWords(bytes, tokens, spaced));
          const characters = Array.from(spoken);
          let length = 0;
          let committed = '';
          for (const [more, probability] of steps) {
            length = Math.min(characters.length, length + more);
            updateText(liveText, characters.slice(0, length).join(''), spaced, probability);
            const { hypothesis, decodeSteps } = liveText;
            if (hypothesis === undefined) throw new Error('nothing follows');
            const words = liveText.commit(
              policy({ hypothesis, isFirstStep: decodeSteps === 1, audioSeconds: 5, isPaused: false }),
            );
            committed += words.map(({ word }) => word).join('');
            // Never half a character, never other text, never retracted.
            expect(committed).toBe(textOf(liveText.committed));
            expect(spoken.startsWith(committed)).toBe(true);
            for (const { start, end } of words) expect(end).toBeGreaterThanOrEqual(start);
          }
        },
      ),
    );
  });

  test('stays a prefix of the text when the window moves', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(' so', ' my', ' fellow,', ' Americans.'), { minLength: 40, maxLength: 80 }),
        (words) => {
          const liveText = new LiveText((tokens) => new LiveWords(bytes, tokens, true));
          updateText(liveText, words.join(''), true, 0.9);
          updateText(liveText, words.join(''), true, 0.9);
          const { hypothesis } = liveText;
          if (hypothesis === undefined) throw new Error('nothing follows');
          liveText.commit(
            commitWhen({ edgeFrames: 8 })({
              hypothesis,
              isFirstStep: false,
              audioSeconds: 30,
              isPaused: false,
            }),
          );
          const before = textOf(liveText.committed);
          const behind = liveText.hypothesis?.tokens;
          const moved = liveText.advanceWindow();
          if (moved === undefined) throw new Error('it did not move');
          expect(textOf(moved.tokens) + textOf(liveText.committed)).toBe(before);
          expect(moved.frames).toBe(4 * moved.tokens.length);
          expect(liveText.hypothesis?.tokens).toEqual(behind);
          expect(liveText.state.starts[0]).toBe(0);
        },
      ),
    );
  });

  test('keeps the punctuation of a pause open until a word follows', () => {
    const liveText = new LiveText((tokens) => new LiveWords(bytes, tokens, true));
    updateText(liveText, ' so my.', true, 0.9);
    expect(liveText.withoutLastMarks(7)).toBe(6);
    expect(textOf(tokensOf(' so my.').slice(0, 6))).toBe(' so my');
    liveText.commit(6);
    updateText(liveText, ' so my, fellow', true, 0.9);
    // A mark that follows a committed word is no text of its own either.
    expect(liveText.withoutLastMarks(1)).toBe(0);
    expect(liveText.withoutLastMarks(8)).toBe(8);
    // The comma of a number is part of it.
    updateText(liveText, ' so my 1,', true, 0.9);
    expect(liveText.withoutLastMarks(3)).toBe(3);
  });

  test('ends with the punctuation of its last committed word, wherever the model attends', () => {
    const liveText = new LiveText((tokens) => new LiveWords(bytes, tokens, true));
    updateText(liveText, ' so', true, 0.9);
    liveText.commit(3);
    const beyond = {
      logprobs: [0],
      committedStarts: [0, 4, 8],
      starts: [12, 16],
      audioFrames: 12,
      ended: true,
    };
    liveText.update({ ...beyond, words: new LiveWords(bytes, tokensOf('.'), true), attendedFrames: [80] });
    expect(liveText.attendedCount).toBe(1);
    liveText.update({ ...beyond, words: new LiveWords(bytes, tokensOf('x'), true), attendedFrames: [80] });
    expect(liveText.attendedCount).toBe(0);
  });

  test('has a mean probability that includes earlier windows', () => {
    const liveText = new LiveText((tokens) => new LiveWords(bytes, tokens, true));
    expect(liveText.meanLogprob).toBeUndefined();
    updateText(liveText, ' so my', true, 0.5);
    liveText.commit(3);
    liveText.clear();
    expect(liveText.isWhole).toBe(false);
    updateText(liveText, ' so my', true, 0.25);
    liveText.commit(3);
    expect(liveText.meanLogprob).toBeCloseTo((Math.log(0.5) + Math.log(0.25)) / 2);
  });
});

describe('a long window is cut', () => {
  const words = (text: string): [string[], boolean[], number[]] => {
    const pieces = text.match(/ [^ ]+/g) ?? [];
    return [pieces, pieces.map(() => true), pieces.map((_, i) => 50 * i)];
  };

  test('at the end of a sentence, some seconds before the end', () => {
    const [pieces, begins, starts] = words(' a b c d. e f g h i j k l');
    expect(findWindowCut(pieces, begins, starts, 600)).toBe(4);
  });

  test('at the longest pause, if no sentence ends there', () => {
    const [pieces, begins, starts] = words(' a b c d e f g h i j k l');
    starts[6] = 320;
    expect(findWindowCut(pieces, begins, starts, 600)).toBe(6);
  });

  test('nowhere, if all words are too recent', () => {
    const [pieces, begins, starts] = words(' a b c d');
    expect(findWindowCut(pieces, begins, starts, 260)).toBe(0);
  });
});
