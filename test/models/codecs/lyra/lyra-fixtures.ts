/** The included Lyra V2, and what test/reference/make-lyra-fixtures.py computed from a second of speech. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { networkOf } from '#daemon/models/checkpoint/checkpoint-network.js';
import { openCheckpoint, readConfig } from '#daemon/models/codecs/lyra/lyra-checkpoint.js';
import { loadLyra } from '#daemon/models/codecs/lyra/lyra-model.js';
import { Lyra } from '#daemon/models/codecs/lyra/lyra-network.js';
import { mx, type MxArray } from '#native/index.js';

import { unpackedDir } from '../../checkpoint/checkpoint-dirs.js';
import { root } from '../../model-fixtures.js';
import { expectedOf, type Packed } from '../codec-fixtures.js';

export const HOP = 320;
export const CODEBOOKS = 46;

interface ExpectedLyra {
  /** [frames, 64] */
  readonly latents: Packed;
  readonly codes: readonly (readonly number[])[];
  /** Of all codebooks, and the last 10 frames with 16. */
  readonly audio: Packed;
  readonly audio16: Packed;
  /** What TFLite computes with activations of 8 bits: own codes, and the last 20 frames of the audio of the codes above. */
  readonly lite: { readonly codes: readonly (readonly number[])[]; readonly audio: Packed };
}

export const expectedLyra = (): ExpectedLyra => expectedOf('lyra');

export const bundledLyra = join(root, 'assets/models/lyra-v2');

/** A copy, which a test may damage. */
export const lyraDir = (): string => unpackedDir(bundledLyra);

/** 60 frames. */
export function speech(): Float32Array {
  const bytes = readFileSync(join(root, 'test/fixtures/codecs/lyra/speech.wav')).subarray(44);
  return Float32Array.from({ length: bytes.length / 2 }, (_, i) => bytes.readInt16LE(2 * i) / 32_768);
}

/** [1, length, 1] */
export const speechArray = (length = 60 * HOP): MxArray => mx.array(speech().subarray(0, length), [1, -1, 1]);

/** As stored, without the faster forms of the layers. */
export async function plainLyra(): Promise<Lyra> {
  const config = await readConfig(bundledLyra);
  const checkpoint = await openCheckpoint(bundledLyra, config);
  try {
    return await networkOf(checkpoint, () => new Lyra(config));
  } finally {
    checkpoint.close();
  }
}

export const loadedLyra = async (): Promise<Lyra> => loadLyra(bundledLyra, await readConfig(bundledLyra));
