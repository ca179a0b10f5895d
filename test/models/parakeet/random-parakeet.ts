/** Writes a Parakeet checkpoint with random weights, for measurements that depend only on their number. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { ParakeetConfig } from '#daemon/models/parakeet/parakeet-config.js';
import { Parakeet } from '#daemon/models/parakeet/parakeet-network.js';
import { writtenConfig } from '#daemon/models/parakeet/written-config.js';
import type { Dtype } from '#native/index.js';

import { writeRandomArrays } from '../random-network.js';

/** A transducer with durations and a CTC head, small but with real proportions. */
export const SMALL_HYBRID: ParakeetConfig = {
  encoder: {
    bands: 80,
    layers: 3,
    dims: 256,
    heads: 4,
    feedForwardDims: 1024,
    kernelSize: 9,
    subsamplingChannels: 64,
    hasBias: true,
    hasConvolutionBias: true,
    isInputScaled: false,
  },
  normalization: 'per feature',
  tokens: 128,
  transducer: {
    encoderDims: 256,
    tokens: 128,
    predictionDims: 128,
    predictionLayers: 2,
    jointDims: 128,
    activation: 'relu',
    durations: [0, 1, 2, 3, 4],
    maxSymbols: 10,
  },
  hasCtc: true,
};

/** @param pieceOf the text of a token */
export function writeRandomParakeet(
  dir: string,
  config: ParakeetConfig,
  dtype: Dtype,
  pieceOf = (id: number): string => `\u2581${id}`,
): void {
  using network = new Parakeet(config);
  writeRandomArrays(dir, network, dtype);
  const pieces = Array.from({ length: config.tokens }, (_, id) => pieceOf(id));
  writeFileSync(join(dir, 'config.json'), JSON.stringify(writtenConfig(config, pieces, undefined)));
}
