/** The prompt of a window. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Prompt, type PromptOptions } from '#daemon/models/whisper/decode/prompt.js';

/** One token per character, for readable output. */
const tokenizer = { encode: (text: string) => Array.from(text, (letter) => letter.charCodeAt(0)) };
const textOf = (prompt: Prompt): string => String.fromCharCode(...prompt.tokens);

function promptOf(options: Partial<PromptOptions>): Prompt {
  return new Prompt(tokenizer, { maxTokens: 10, ...options });
}

function runWindow(prompt: Prompt, text: string, trusted = true): void {
  prompt.append(tokenizer.encode(text));
  prompt.endWindow(trusted);
}

describe('the prompt of a window', () => {
  test('is empty before the first window without a user prompt', () => {
    expect(textOf(promptOf({}))).toBe('');
  });

  test('is the user’s text until the transcript displaces it', () => {
    const prompt = promptOf({ initial: ' Names. ' });
    expect(textOf(prompt)).toBe(' Names.');
    runWindow(prompt, 'abc');
    expect(textOf(prompt)).toBe(' Names.abc');
    runWindow(prompt, 'defgh');
    expect(textOf(prompt)).toBe('s.abcdefgh');
  });

  test('keeps a carried user prompt before every window', () => {
    const prompt = promptOf({ initial: 'Names', isCarried: true });
    runWindow(prompt, 'abcdefgh');
    expect(textOf(prompt)).toBe(' Namesefgh');
    runWindow(prompt, 'loose', false);
    expect(textOf(prompt)).toBe(' Names');
    runWindow(prompt, 'xy');
    expect(textOf(prompt)).toBe(' Namesxy');
  });

  test('drops text of a high temperature, and the user’s with it, as the reference does', () => {
    const prompt = promptOf({ initial: 'Names' });
    runWindow(prompt, 'loose', false);
    expect(textOf(prompt)).toBe('');
    runWindow(prompt, 'abc');
    expect(textOf(prompt)).toBe('abc');
  });

  test('never has earlier text without conditioning', () => {
    const prompt = promptOf({ initial: 'N', isCarried: true, isConditioned: false });
    runWindow(prompt, 'abc');
    expect(textOf(prompt)).toBe(' N');
  });

  test('never exceeds its limit', () => {
    fc.assert(
      fc.property(
        fc.string({ maxLength: 30 }),
        fc.boolean(),
        fc.array(fc.tuple(fc.string({ maxLength: 30 }), fc.boolean()), { maxLength: 6 }),
        (initial, isCarried, windows) => {
          const prompt = promptOf({ initial, isCarried });
          for (const [text, trusted] of windows) {
            runWindow(prompt, text, trusted);
            expect(prompt.tokens.length).toBeLessThanOrEqual(10);
          }
        },
      ),
    );
  });
});
