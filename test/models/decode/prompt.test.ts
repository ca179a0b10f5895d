/** What the decoder is given as said before a window. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Prompt, type PromptOptions } from '#daemon/models/whisper/decode/prompt.js';

/** A token for each character, so that what comes out can be read. */
const tokenizer = { encode: (text: string) => Array.from(text, (letter) => letter.charCodeAt(0)) };
const said = (prompt: Prompt): string => String.fromCharCode(...prompt.tokens);

function promptOf(options: Partial<PromptOptions>): Prompt {
  return new Prompt(tokenizer, { room: 10, ...options });
}

function runWindow(prompt: Prompt, text: string, trusted = true): void {
  prompt.heard(tokenizer.encode(text));
  prompt.endWindow(trusted);
}

describe('the prompt of a window', () => {
  test('is empty before the first, where the user says nothing', () => {
    expect(said(promptOf({}))).toBe('');
  });

  test('is the user’s text, pushed out by what is said', () => {
    const prompt = promptOf({ initial: ' Names. ' });
    expect(said(prompt)).toBe(' Names.');
    runWindow(prompt, 'abc');
    expect(said(prompt)).toBe(' Names.abc');
    runWindow(prompt, 'defgh');
    expect(said(prompt)).toBe('s.abcdefgh');
  });

  test('keeps the user’s text in front of every window where it is carried', () => {
    const prompt = promptOf({ initial: 'Names', carried: true });
    runWindow(prompt, 'abcdefgh');
    expect(said(prompt)).toBe(' Namesefgh');
    runWindow(prompt, 'loose', false);
    expect(said(prompt)).toBe(' Names');
    runWindow(prompt, 'xy');
    expect(said(prompt)).toBe(' Namesxy');
  });

  test('forgets a text that is too loose to lead, and the user’s with it, as the reference does', () => {
    const prompt = promptOf({ initial: 'Names' });
    runWindow(prompt, 'loose', false);
    expect(said(prompt)).toBe('');
    runWindow(prompt, 'abc');
    expect(said(prompt)).toBe('abc');
  });

  test('is never what was said, where that is not to lead', () => {
    const prompt = promptOf({ initial: 'N', carried: true, conditioned: false });
    runWindow(prompt, 'abc');
    expect(said(prompt)).toBe(' N');
  });

  test('never takes more than its room, however long the texts are', () => {
    fc.assert(
      fc.property(
        fc.string({ maxLength: 30 }),
        fc.boolean(),
        fc.array(fc.tuple(fc.string({ maxLength: 30 }), fc.boolean()), { maxLength: 6 }),
        (initial, carried, windows) => {
          const prompt = promptOf({ initial, carried });
          for (const [text, trusted] of windows) {
            runWindow(prompt, text, trusted);
            expect(prompt.tokens.length).toBeLessThanOrEqual(10);
          }
        },
      ),
    );
  });
});
