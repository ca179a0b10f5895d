/** Checks the catalog's figures for a live decode step against the computed ones. */
import { expect, test } from '@jest/globals';
import { parseConfig } from '#daemon/models/whisper/whisper-config.js';
import { tokenNumbers, windowFlop } from '#daemon/models/whisper/memory/flop.js';
import { maxLiveFrames } from '#daemon/models/whisper/streaming/streaming-config.js';
import { CATALOGUE } from '#daemon/store/catalogue/index.js';
import { SIZES } from '../model-sizes.js';

const SMALL = { ...SIZES['small.en'], n_vocab: 51_865 };
const MEDIUM_EN = { ...SIZES.medium, n_vocab: 51_864 };
const sizeOf: Readonly<Record<string, object>> = {
  'whisper-tiny': SIZES.tiny,
  'whisper-tiny.en': SIZES['tiny.en'],
  'whisper-base': SIZES.base,
  'whisper-base.en': { ...SIZES.base, n_vocab: 51_864 },
  'whisper-small': SMALL,
  'whisper-small.en': SIZES['small.en'],
  'whisper-medium': SIZES.medium,
  'whisper-medium.en': MEDIUM_EN,
  'whisper-large-v2': SIZES['large-v2'],
  'whisper-large-v3': SIZES['large-v3'],
  'whisper-large-v3-turbo': SIZES.turbo,
  'distil-medium.en': { ...MEDIUM_EN, n_text_layer: 2 },
  'distil-large-v3': SIZES['distil-large-v3'],
  'distil-large-v3.5': SIZES['distil-large-v3'],
};

const whisper = CATALOGUE.filter(({ family }) => family === 'whisper');

test.each(whisper.map((entry) => [entry.name, entry] as const))('of %s', (name, entry) => {
  const config = parseConfig(sizeOf[name.replace(/-[48]bit$/, '')]);
  const frames = maxLiveFrames(config);
  const gigaflop = windowFlop(config, frames) / 1e9;
  expect(Math.abs(entry.liveGigaflop - gigaflop)).toBeLessThanOrEqual(0.5);
  const bytes = { float16: 2, '8-bit': 1.07, '4-bit': 0.575 }[entry.precision];
  const { layers, output, memory } = tokenNumbers(config, Math.ceil(frames / 2));
  const token = (layers + output) * bytes + memory * 2;
  expect(Math.abs(entry.tokenBytes - token)).toBeLessThanOrEqual(1);
});

test('a window of base, computed by hand', () => {
  const config = parseConfig(SIZES.base);
  // 1000 frames, 500 positions: convolutions, six blocks, keys and values for six blocks of the decoder.
  const convolutions = 2 * 1000 * 3 * 80 * 512 + 2 * 500 * 3 * 512 * 512;
  const block = 24 * 500 * 512 * 512 + 4 * 500 * 500 * 512;
  const pairs = 6 * 4 * 500 * 512 * 512;
  expect(windowFlop(config, 1000)).toBe(convolutions + 6 * block + pairs);
});
