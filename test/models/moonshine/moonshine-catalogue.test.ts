/** Checks the catalogue's figures of Moonshine against those computed from the published dimensions. */
import { expect, test } from '@jest/globals';

import type { StoredWeights } from '#daemon/models/checkpoint/weight-formats.js';
import { parseConfig, type MoonshineConfig } from '#daemon/models/moonshine/moonshine-config.js';
import { footprint } from '#daemon/models/moonshine/moonshine-footprint.js';
import { CONVOLUTIONS, framesOf, Moonshine } from '#daemon/models/moonshine/moonshine-network.js';
import { catalogueEntry } from '#daemon/store/catalogue/index.js';
import { KEPT_FOR_REUSE, PROCESS_BYTES } from '#daemon/store/catalogue/whisper.js';

const published = (width: number, layers: number, partial_rotary_factor: number): MoonshineConfig =>
  parseConfig({
    model_type: 'moonshine',
    vocab_size: 32_768,
    hidden_size: width,
    intermediate_size: 4 * width,
    encoder_num_hidden_layers: layers,
    decoder_num_hidden_layers: layers,
    encoder_num_attention_heads: 8,
    decoder_num_attention_heads: 8,
    partial_rotary_factor,
  });

const SAMPLES = 30 * 16_000;

/** Products and attention of the encoder for 30 s, and the keys and values of the decoder's layers. */
function encoderFlop({ width: d, encoderLayers, decoderLayers }: MoonshineConfig): number {
  let frames = SAMPLES;
  let convolutions = 0;
  for (const [i, { kernel, stride }] of CONVOLUTIONS.entries()) {
    frames = Math.floor((frames - kernel) / stride) + 1;
    const [inputs = 0, outputs = 0] = [[1, d], [d, 2 * d], [2 * d, d]][i] ?? []; // prettier-ignore
    convolutions += 2 * frames * kernel * inputs * outputs;
  }
  expect(frames).toBe(framesOf(SAMPLES));
  const layer = 2 * frames * 12 * d * d + 4 * frames * frames * d;
  return convolutions + encoderLayers * layer + decoderLayers * 4 * frames * d * d;
}

test.each([
  ['moonshine-tiny', published(288, 6, 0.9), { dims: 32, base: 10_000 }],
  ['moonshine-base', published(416, 8, 0.62), { dims: 32, base: 10_000 }],
])('%s', (name, config, rotary) => {
  const entry = catalogueEntry(name);
  if (entry === undefined) throw new Error(`no entry ${name}`);
  expect(config.rotary).toEqual(rotary);
  using network = new Moonshine(config); // never evaluated, so nothing is allocated
  const { vocabulary, width, decoderLayers } = config;
  const sizeOf = (arrays: readonly { size: number }[]): number =>
    arrays.reduce((sum, { size }) => sum + size, 0);
  expect(entry.parameters).toBe(sizeOf(network.parameters()));
  expect(entry.liveGigaflop).toBe(Math.round(encoderFlop(config) / 1e9));
  // Each token reads all but the projections of the audio: of both matrices of each layer.
  const read = sizeOf(network.decoder.parameters()) - decoderLayers * 2 * width * width;
  const memory = decoderLayers * 2 * framesOf(SAMPLES) * width;
  expect(entry.tokenBytes).toBe(2 * (read + memory));
  expect(read).toBeGreaterThan(vocabulary * width);
  const stored: StoredWeights = { dtypeOf: () => 'float16', isQuantized: () => false };
  const { weightBytes, workBytes } = footprint(config, stored, 'gpu');
  const computed = weightBytes + (1 + KEPT_FOR_REUSE) * workBytes + PROCESS_BYTES;
  expect(Math.abs(entry.memoryBytes / computed - 1)).toBeLessThan(0.1);
});
