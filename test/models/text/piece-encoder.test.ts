/** Words as SentencePiece encodes them (test/reference/make-piece-fixtures.py). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { packageRoot } from '#daemon/paths.js';
import { PieceEncoder } from '#daemon/models/text/piece-encoder.js';

const vocabularies = JSON.parse(
  readFileSync(join(packageRoot, 'test/fixtures/pieces.json'), 'utf8'),
) as Record<string, { pieces: string[]; texts: Record<string, number[]> }>;

const encoderOf = (pieces: readonly string[]): PieceEncoder =>
  new PieceEncoder(pieces.map((piece, id) => [piece.replaceAll('▁', ' '), id]));

describe.each(Object.entries(vocabularies))('%s', (name, { pieces, texts }) => {
  const encoder = encoderOf(pieces);

  test.each(Object.entries(texts))('%s', (text, tokens) => {
    expect(encoder.encode(` ${text}`)).toEqual(tokens);
  });

  test('knows its case', () => {
    expect(encoder.isLowercase).toBe(name === 'lower case');
  });
});

test('a text inside a word begins without a space', () => {
  const encoder = encoderOf(['▁', 'a', 'b', '▁a', 'ab']);
  expect(encoder.encode('ab')).toEqual([4]);
  expect(encoder.encode(' ab')).toEqual([3, 2]); // the lower id first
  expect(encoder.encode('abc')).toEqual([]);
});
