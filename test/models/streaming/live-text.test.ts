/** What is committed of a window is never taken back, never half a character, and the same when the window moves. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { commitWhen } from '#daemon/models/streaming/commit-policy.js';
import { LiveText } from '#daemon/models/whisper/streaming/live-text.js';
import { LiveWords } from '#daemon/models/whisper/streaming/live-words.js';
import { findWindowCut } from '#daemon/models/whisper/streaming/window-cut.js';

/** A tokenizer whose tokens are the bytes of a text, so that most characters take several. */
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

/** A look at the text behind what is committed, of which each token takes four frames. */
function updateText(liveText: LiveText, said: string, spaced: boolean, probability: number): void {
  const first = liveText.committed.length;
  const tokens = tokensOf(said).slice(first);
  const starts = Array.from({ length: first + tokens.length + 1 }, (_, i) => 4 * i);
  liveText.heard({
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

describe('what is committed of a window', () => {
  test('is what was said, in whole characters and words, whatever the looks', () => {
    const policy = commitWhen({ frames: 20, agreementCount: 2, probability: 0.5 }, { frames: 60 });
    fc.assert(
      fc.property(
        texts,
        fc.boolean(),
        fc.array(fc.tuple(fc.nat(60), fc.double({ min: 0.1, max: 1, noNaN: true })), { maxLength: 12 }),
        (said, spaced, steps) => {
          const liveText = new LiveText((tokens) => new LiveWords(bytes, tokens, spaced));
          const characters = Array.from(said);
          let heard = 0;
          let committed = '';
          for (const [more, probability] of steps) {
            heard = Math.min(characters.length, heard + more);
            updateText(liveText, characters.slice(0, heard).join(''), spaced, probability);
            const { hypothesis: now, agreementCount } = liveText;
            if (now === undefined) throw new Error('nothing follows');
            const words = liveText.commit(
              policy({ now, first: agreementCount === 1, audioSeconds: 5, paused: false }),
            );
            committed += words.map(({ word }) => word).join('');
            // Never half a character, never another text than what was said, never taken back.
            expect(committed).toBe(textOf(liveText.committed));
            expect(said.startsWith(committed)).toBe(true);
            for (const { start, end } of words) expect(end).toBeGreaterThanOrEqual(start);
          }
        },
      ),
    );
  });

  test('stays a beginning of the text when the window moves on', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(' so', ' my', ' fellow,', ' Americans.'), { minLength: 40, maxLength: 80 }),
        (words) => {
          const liveText = new LiveText((tokens) => new LiveWords(bytes, tokens, true));
          updateText(liveText, words.join(''), true, 0.9);
          updateText(liveText, words.join(''), true, 0.9);
          const { hypothesis: now } = liveText;
          if (now === undefined) throw new Error('nothing follows');
          liveText.commit(commitWhen({ frames: 8 })({ now, first: false, audioSeconds: 30, paused: false }));
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

  test('has a mean probability over all of it, also behind a window that moved', () => {
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

describe('where a long window is cut', () => {
  const words = (text: string): [string[], boolean[], number[]] => {
    const pieces = text.match(/ [^ ]+/g) ?? [];
    return [pieces, pieces.map(() => true), pieces.map((_, i) => 50 * i)];
  };

  test('at the end of a sentence, some seconds before the end', () => {
    const [pieces, begins, starts] = words(' a b c d. e f g h i j k l');
    expect(findWindowCut(pieces, begins, starts, 600)).toBe(4);
  });

  test('where the speaker paused longest, if no sentence ends there', () => {
    const [pieces, begins, starts] = words(' a b c d e f g h i j k l');
    starts[6] = 320;
    expect(findWindowCut(pieces, begins, starts, 600)).toBe(6);
  });

  test('nowhere, if all is too new', () => {
    const [pieces, begins, starts] = words(' a b c d');
    expect(findWindowCut(pieces, begins, starts, 260)).toBe(0);
  });
});
