/** Codes and audio of snac, whole and in chunks. */
import { describe, expect, test } from '@jest/globals';

import { networkOf } from '#daemon/models/checkpoint/checkpoint-network.js';
import { loadSnac } from '#daemon/models/codecs/snac/load-snac.js';
import { openSnacCheckpoint, readSnacConfig } from '#daemon/models/codecs/snac/snac-checkpoint.js';
import { Snac, type DecoderNoise } from '#daemon/models/codecs/snac/snac-network.js';
import { SnacRunner } from '#daemon/models/codecs/snac/snac-runner.js';
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

const NAMES = ['snac-24khz', 'snac-32khz'] as const;
type Name = (typeof NAMES)[number];

interface Case {
  readonly samples: number;
  readonly codes: number[][];
  readonly decoded: Packed;
  readonly latents?: Packed;
  readonly noisy?: Packed;
}

const casesOf = (name: Name): readonly Case[] => expectedOf<{ cases: Case[] }>(name).cases;
const signal = new AbortController().signal;

/** The noise of the fixtures: a sine of the position, of which the phase is the number of channels. */
const sineNoise =
  (channels: readonly number[]): DecoderNoise =>
  (stage, length) =>
    mx.array(
      Float32Array.from({ length }, (_, i) => 0.5 * Math.sin(0.37 * i + (channels[stage] ?? 0))),
      [1, length, 1],
    );

async function plainNetwork(dir: string): Promise<Snac> {
  const checkpoint = await openSnacCheckpoint(dir, await readSnacConfig(dir));
  try {
    return await networkOf(checkpoint, (config) => new Snac(config));
  } finally {
    checkpoint.close();
  }
}

describe.each(NAMES)('%s', (name) => {
  const cases = casesOf(name);

  test.each(['plain', 'fused'])('has the latents, codes and audio of snac: %s', async (form) => {
    const live = mx.liveArrays();
    const network = await (form === 'plain' ? plainNetwork(codecDir(name)) : loadSnac(codecDir(name)));
    const runner = new SnacRunner(network, { noise: null });
    for (const { samples, codes, decoded } of cases) {
      const found = await allCodes(runner.encode(streamed(testSamples(samples)), codes.length, signal));
      expect(found).toEqual({ codes, samples });
      runner.check({ codes, samples });
      const audio = await allSamples(runner.decode({ codes, samples }, signal));
      expect(distance(audio, unpacked(decoded))).toBeLessThan(1e-4);
      if (samples > 100) expect(snr(audio, unpacked(decoded))).toBeGreaterThan(80);
    }
    network.dispose();
    expect(mx.liveArrays()).toBe(live);
  });

  test('has its latents, and adds its noise', async () => {
    const network = await loadSnac(codecDir(name));
    const { samples, codes, latents, noisy } = cases.at(-1) as Required<Case>;
    const padded = new Float32Array(
      (latents.shape[0] ?? 0) * network.config.encoder_rates.reduce((a, b) => a * b),
    );
    padded.set(testSamples(samples));
    const found = mx.tidy(() =>
      network
        .encoderSteps()
        .reduce((x, step) => step(x), mx.array(padded, [1, -1, 1]))
        .toTypedArray('float32'),
    );
    expect(distance(found, unpacked(latents))).toBeLessThan(1e-4 * peak(unpacked(latents)));
    const channels = network.config.decoder_rates.map((_, i) => network.config.decoder_dim / 2 ** (i + 1));
    const runner = new SnacRunner(network, { noise: () => sineNoise(channels) });
    const audio = await allSamples(runner.decode({ codes, samples }, signal));
    expect(distance(audio, unpacked(noisy))).toBeLessThan(1e-4);
    network.dispose();
  });
});
