import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { LONG_BANDS, SAMPLE_RATES, SHORT_BANDS } from '#daemon/audio/aac/bands.js';
import { BitReader } from '#daemon/audio/aac/bit-reader.js';
import { SCALE_FACTOR_BOOK, SPECTRAL_BOOKS } from '#daemon/audio/aac/code-books.js';
import { parseAdtsHeader, parseAudioSpecificConfig } from '#daemon/audio/aac/aac-config.js';
import { AacDecoder } from '#daemon/audio/aac/decoder.js';
import { InverseMdct } from '#daemon/audio/aac/mdct.js';
import { adtsFrameLength } from '#daemon/audio/sniff.js';
import { clip } from './fixtures.js';

describe('AAC tables', () => {
  test('each code book is complete and has each symbol once', () => {
    for (const book of [SCALE_FACTOR_BOOK, ...SPECTRAL_BOOKS]) {
      const space = book.lengths.reduce((sum, count, i) => sum + count / 2 ** (i + 1), 0);
      expect(space).toBe(1);
      const all = Array.from({ length: book.values ** book.tuple }, (_, symbol) => symbol);
      expect([...book.symbols].sort((a, b) => a - b)).toEqual(all);
    }
  });

  test('the bands of each sample rate cover the window', () => {
    for (const index of SAMPLE_RATES.keys()) {
      expect(LONG_BANDS[index]?.at(-1)).toBe(1024);
      expect(SHORT_BANDS[index]?.at(-1)).toBe(128);
    }
  });
});

test.each([128, 1024])('the fast transform of %i values matches its definition', (size) => {
  const spectrum = Float32Array.from({ length: size }, (_, k) => Math.sin(k * k + 1));
  const output = new Float32Array(2 * size);
  new InverseMdct(size).run(spectrum, 0, output);
  for (const n of [0, 1, size / 2, size - 1, size, size + 7, 2 * size - 1]) {
    const angle = (Math.PI / size) * (n + 0.5 + size / 2);
    const value = spectrum.reduce((sum, x, k) => sum + x * Math.cos(angle * (k + 0.5)), 0) / size;
    expect(output[n]).toBeCloseTo(value, 6);
  }
});

describe('AAC setup', () => {
  test.each([
    ['1210', 44100, 2, false],
    ['1408', 16000, 1, false],
    ['1190', 48000, 2, false],
    ['2b920800', 22050, 2, true], // HE-AAC, declared up front
    ['139056e5a0', 22050, 2, true], // HE-AAC, declared at the end
    ['eb8a0800', 22050, 1, true], // HE-AAC v2
  ])('parses %s', (hex, sampleRate, channels, hasSbr) => {
    expect(parseAudioSpecificConfig(Buffer.from(hex, 'hex'))).toMatchObject({
      sampleRate,
      channels,
      hasSbr,
    });
  });

  test('refuses profiles other than low complexity by name', () => {
    expect(() => parseAudioSpecificConfig(Buffer.from('0a10', 'hex'))).toThrow('AAC profile 1');
  });
});

test('throws for a frame that ends early, and decodes the next one', () => {
  const bytes = new Uint8Array(readFileSync(clip('mono-16k.aac')));
  const decoder = new AacDecoder(parseAdtsHeader(bytes));
  let at = 0;
  let frames = 0;
  for (; at < bytes.length; frames++) {
    const length = adtsFrameLength(bytes, at);
    const frame = bytes.subarray(at + 7, at + length);
    if (frames === 5) expect(() => decoder.decode(frame.subarray(0, 20))).toThrow(RangeError);
    else expect(decoder.decode(frame).map((samples) => samples.length)).toEqual([1024]);
    at += length;
  }
  expect(frames).toBeGreaterThan(15);
});

test('reads bits across bytes but not past the end', () => {
  const bits = new BitReader(Uint8Array.of(0b10110011, 0b01010101, 0xff, 0x0f));
  expect([bits.read(1), bits.read(3), bits.read(12), bits.read(0)]).toEqual([1, 0b011, 0b001101010101, 0]);
  bits.skip(3);
  bits.align();
  expect(bits.read(8)).toBe(0x0f);
  expect(bits.remainingBits).toBe(0);
  expect(() => bits.read(1)).toThrow(RangeError);
});
