/** Codes and audio of descript-audio-codec, whole and in chunks. */
import { describe, expect, test } from '@jest/globals';

import { networkOf } from '#daemon/models/checkpoint/checkpoint-network.js';
import { openDacCheckpoint, readDacConfig } from '#daemon/models/codecs/dac/dac-checkpoint.js';
import { Dac } from '#daemon/models/codecs/dac/dac-network.js';
import { DacRunner } from '#daemon/models/codecs/dac/dac-runner.js';
import { loadDac } from '#daemon/models/codecs/dac/load-dac.js';
import { mx } from '#native/index.js';

import {
  allCodes,
  allSamples,
  codecDir,
  distance,
  expectedOf,
  peak,
  snr,
  streamed,
  testSamples,
  unpacked,
  type Packed,
} from './codec-fixtures.js';

const NAMES = ['dac-44khz', 'dac-16khz', 'dac-huggingface'] as const;

interface Case {
  readonly samples: number;
  readonly codes: number[][];
  readonly decoded: Packed;
  readonly latents?: Packed;
  readonly fewer?: Packed;
}

const signal = new AbortController().signal;

async function plainNetwork(dir: string): Promise<Dac> {
  const checkpoint = await openDacCheckpoint(dir, await readDacConfig(dir));
  try {
    return await networkOf(checkpoint, (config) => new Dac(config));
  } finally {
    checkpoint.close();
  }
}

describe.each(NAMES)('%s', (name) => {
  const { cases } = expectedOf<{ cases: readonly Case[] }>(name);

  test.each(['plain', 'fused'])('has the codes and audio of the reference: %s', async (form) => {
    const live = mx.liveArrays();
    const network = await (form === 'plain' ? plainNetwork(codecDir(name)) : loadDac(codecDir(name)));
    const runner = new DacRunner(network);
    for (const { samples, codes, decoded, fewer } of cases) {
      const found = await allCodes(runner.encode(streamed(testSamples(samples)), codes.length, signal));
      expect(found).toEqual({ codes, samples });
      const audio = await allSamples(runner.decode({ codes, samples }, signal));
      expect(distance(audio, unpacked(decoded))).toBeLessThan(1e-4);
      if (samples > 100) expect(snr(audio, unpacked(decoded))).toBeGreaterThan(80);
      if (fewer) {
        const less = await allSamples(runner.decode({ codes: codes.slice(0, 2), samples }, signal));
        expect(distance(less, unpacked(fewer))).toBeLessThan(1e-4);
      }
    }
    network.dispose();
    expect(mx.liveArrays()).toBe(live);
  });

  test('has its latents', async () => {
    const network = await loadDac(codecDir(name));
    const { samples, latents } = cases.at(-1) as Required<Case>;
    const hop = network.config.encoder_rates.reduce((a, b) => a * b);
    const padded = new Float32Array((latents.shape[0] ?? 0) * hop);
    padded.set(testSamples(samples));
    const found = mx.tidy(() =>
      network
        .encoderSteps()
        .reduce((x, step) => step(x), mx.array(padded, [1, -1, 1]))
        .toTypedArray('float32'),
    );
    expect(distance(found, unpacked(latents))).toBeLessThan(1e-4 * peak(unpacked(latents)));
    network.dispose();
  });
});
