import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Tiktoken } from 'tiktoken';

import { WhisperTokenizer, type SpecialTokens } from '#daemon/models/whisper/tokenizer.js';

import { fixture } from './model-fixtures.js';

interface Numbering {
  vocab: number;
  special: SpecialTokens;
  languages: Record<string, number>;
  startSequence: number[];
  nonSpeech: number[];
  encoded: [text: string, tokens: number[]][];
  stamped: [tokens: number[], annotated: string, plain: string];
  partial: [tokens: number[], text: string][];
}

const NUMBERINGS = JSON.parse(readFileSync(fixture('tokens.json'), 'utf8')) as Numbering[];

const SYMBOLS = [
  ...'"#()*+/:;<=>@[\\]^_`{|}~「」『』',
  ...['<<', '>>', '<<<', '>>>', '--', '---', '-(', '-[', "('", '("', '((', '))', '(((', ')))', '[[', ']]'],
  ...['{{', '}}', '♪♪', '♪♪♪'],
];

describe.each(NUMBERINGS)('a vocabulary of $vocab tokens', (reference) => {
  const isMultilingual = reference.vocab >= 51865;
  const numLanguages = reference.vocab - 51765 - (isMultilingual ? 1 : 0);
  let tokenizer: WhisperTokenizer;

  beforeAll(async () => {
    tokenizer = await WhisperTokenizer.load({ isMultilingual, numLanguages, nVocab: reference.vocab });
  });
  afterAll(() => tokenizer.dispose());

  test('has the special tokens of the reference', () => {
    expect(tokenizer.special).toEqual(reference.special);
  });

  test('has every language at its reference id', () => {
    const ids = tokenizer.languages.map((code) => [code, tokenizer.languageToken(code)]);
    expect(Object.fromEntries(ids)).toEqual(reference.languages);
    expect(tokenizer.languages.includes('yue')).toBe(reference.vocab === 51866);
  });

  test('starts a transcript as the reference does', () => {
    expect(tokenizer.startSequence('en', 'transcribe', true)).toEqual(reference.startSequence);
    expect(tokenizer.startSequence('en', 'transcribe', false)).toEqual([
      ...reference.startSequence,
      reference.special.noTimestamps,
    ]);
    const translating = tokenizer.startSequence('de', 'translate', true);
    const { startOfTranscript, translate } = tokenizer.special;
    expect(translating).toEqual(
      isMultilingual ? [startOfTranscript, tokenizer.languageToken('de'), translate] : [startOfTranscript],
    );
  });

  test('never samples non-speech tokens', () => {
    expect(tokenizer.nonSpeechTokens).toEqual(reference.nonSpeech);
  });

  test('lists the non-speech tokens that encoding finds', () => {
    const only = (text: string): number[] =>
      tokenizer.encode(text).length === 1 ? tokenizer.encode(text) : [];
    const first = (text: string): number[] => tokenizer.encode(text).slice(0, 1);
    // Each music sign has three bytes of UTF-8. If they are several tokens, the first one already leads only into the block
    // of miscellaneous symbols, which are never spoken.
    const found = new Set([
      ...[' -', " '"].flatMap(first),
      ...SYMBOLS.flatMap((symbol) => [...only(symbol), ...only(` ${symbol}`)]),
      ...[...'♩♪♫♬♭♮♯'].flatMap((sign) => [...first(sign), ...first(` ${sign}`)]),
    ]);
    expect(tokenizer.nonSpeechTokens).toEqual([...found].sort((a, b) => a - b));
    expect([tokenizer.blankToken]).toEqual(tokenizer.encode(' '));
  });

  test('decodes every token to tiktoken’s bytes', () => {
    const name = isMultilingual ? 'multilingual' : 'gpt2';
    const file = readFileSync(new URL(`../../../assets/vocab/${name}.tiktoken`, import.meta.url), 'utf8');
    const tokens = file.split('\n').flatMap((line) => (/^[^= ]/.test(line) ? [line.split(' ')[0]] : []));
    const tiktoken = new Tiktoken(`! 0 ${tokens.join(' ')}`, {}, '.');
    const text = new TextDecoder('utf-8', { ignoreBOM: true });
    for (let id = 0; id < tokens.length; id++) {
      expect(tokenizer.decode([id])).toBe(text.decode(tiktoken.decode(Uint32Array.of(id))));
    }
    tiktoken.free();
  });

  test.each(reference.encoded)('encodes %j like the reference and back', (text, tokens) => {
    expect(tokenizer.encode(text)).toEqual(tokens);
    expect(tokenizer.decode(tokens)).toBe(text);
  });

  test('drops timestamps from text or writes them', () => {
    const [tokens, annotated, plain] = reference.stamped;
    expect(tokenizer.decodeWithTimestamps(tokens)).toBe(annotated);
    expect(tokenizer.decode(tokens)).toBe(plain);
  });

  test.each(reference.partial)('decodes the cut character %j as %j', (tokens, text) => {
    expect(tokenizer.decode(tokens)).toBe(text);
  });

  test('a stream of tokens never shows half a character and loses none', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), (text) => {
        const stream = tokenizer.textStream();
        const pieces = tokenizer.encode(text).map((token) => stream.push(token));
        const replacements = text.split('\uFFFD').length;
        for (const piece of pieces) expect(piece.split('\uFFFD').length).toBeLessThanOrEqual(replacements);
        expect(pieces.join('') + stream.end()).toBe(text);
      }),
    );
  });

  test('a stream hides special tokens', () => {
    const stream = tokenizer.textStream();
    const { endOfText, timestampBegin } = tokenizer.special;
    expect(stream.push(timestampBegin) + stream.push(endOfText) + stream.end()).toBe('');
  });

  test('accepts any token id', () => {
    const ids = fc.array(fc.integer({ min: -1, max: 60_000 }), { maxLength: 20 });
    fc.assert(fc.property(ids, (tokens) => typeof tokenizer.decodeWithTimestamps(tokens) === 'string'));
    expect(tokenizer.decodeWithTimestamps([reference.vocab, -1])).toBe('');
  });

  test('resolves supported languages only', () => {
    expect(tokenizer.resolveLanguage('English')).toBe('en');
    for (const name of ['tlh', 'yue', 'Deutsch']) {
      if (tokenizer.languages.includes(name)) expect(tokenizer.resolveLanguage(name)).toBe(name);
      else expect(() => tokenizer.resolveLanguage(name)).toThrow(/language|only English/);
    }
    if (isMultilingual) expect(tokenizer.resolveLanguage('german')).toBe('de');
    else expect(() => tokenizer.resolveLanguage('de')).toThrow('supports only English');
  });
});

test('rejects a vocabulary of another size', async () => {
  const odd = WhisperTokenizer.load({ isMultilingual: true, numLanguages: 99, nVocab: 51_999 });
  await expect(odd).rejects.toMatchObject({ code: 'TOKENIZER_FAILED' });
});
