import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { packageRoot } from '#daemon/paths.js';
import { collapse } from '#daemon/models/ctc/collapse.js';
import { emissionsOf, joinEmissions, sliceEmissions } from '#daemon/models/ctc/emissions.js';
import { prefixBeam } from '#daemon/models/ctc/prefix-beam.js';
import { Hotwords } from '#daemon/models/hotwords/hotword-trie.js';
import { mx } from '#native/index.js';
import { allPaths, collapsed, randomEmissions } from './ctc-brute-force.js';

const { beams } = JSON.parse(readFileSync(join(packageRoot, 'test/fixtures/ctc.json'), 'utf8')) as {
  beams: { classes: number; logprobs: number[]; best: [number[], number][] }[];
};

const EVERYTHING = { blank: 0, beamSize: 1e9, maxDistance: Infinity, minLogprob: -Infinity };

/** Log probability of each text: the sum over its alignments. */
function textsOf(emissions: ReturnType<typeof randomEmissions>): Map<string, number> {
  const texts = new Map<string, number>();
  for (const { path, logprob } of allPaths(emissions)) {
    const text = collapsed(path, 0).join();
    texts.set(text, Math.log(Math.exp(texts.get(text) ?? -Infinity) + Math.exp(logprob)));
  }
  return texts;
}

describe('emissions', () => {
  test('are log-softmax frames, in pieces as in one', async () => {
    const logits = mx.array([
      [1, 2, 3],
      [0, 0, 0],
      [5, -5, 1],
    ]);
    const whole = await emissionsOf(logits);
    expect([whole.frames, whole.classes]).toEqual([3, 3]);
    for (let t = 0; t < 3; t++) {
      const row = [...whole.logprobs.subarray(3 * t, 3 * t + 3)];
      expect(row.reduce((sum, x) => sum + Math.exp(x), 0)).toBeCloseTo(1, 6);
    }
    expect(whole.logprobs[3]).toBeCloseTo(-Math.log(3), 6);
    const parts = [sliceEmissions(whole, 0, 1), sliceEmissions(whole, 1, 3)];
    expect(joinEmissions(parts)).toEqual(whole);
    expect(() => joinEmissions([whole, { frames: 0, classes: 2, logprobs: new Float32Array(0) }])).toThrow(
      'different models',
    );
    logits.dispose();
  });
});

describe('greedy decoding', () => {
  test.each(Array.from({ length: 40 }, (_, seed) => seed))('is the best path, collapsed: %p', (seed) => {
    const emissions = randomEmissions(5, 3, seed);
    let best = { path: [] as number[], logprob: -Infinity };
    for (const candidate of allPaths(emissions)) if (candidate.logprob > best.logprob) best = candidate;
    const tokens = collapse(emissions, 0);
    expect(tokens.map(({ id }) => id)).toEqual(collapsed(best.path, 0));
    for (const { id, start, end, logprob } of tokens) {
      expect(best.path.slice(start, end)).toEqual(Array.from({ length: end - start }, () => id));
      expect([best.path[start - 1], best.path[end]]).not.toContain(id);
      const frames = Array.from(
        { length: end - start },
        (_, i) => emissions.logprobs[(start + i) * 3 + id] ?? 0,
      );
      expect(logprob).toBeCloseTo(frames.reduce((sum, x) => sum + x, 0) / frames.length, 6);
    }
  });

  test('repeats with a blank between them are two tokens', () => {
    const path = [1, 1, 0, 1, 2];
    const logprobs = new Float32Array(15).fill(-9);
    for (const [t, id] of path.entries()) logprobs[3 * t + id] = -0.1;
    const spans = collapse({ frames: 5, classes: 3, logprobs }, 0).map(({ id, start, end }) => [
      id,
      start,
      end,
    ]);
    expect(spans).toEqual([
      [1, 0, 2],
      [1, 3, 4],
      [2, 4, 5],
    ]);
  });
});

describe('prefix beam search', () => {
  test.each(beams)('equals pyctcdecode', async ({ classes, logprobs, best }) => {
    const emissions = { frames: logprobs.length / classes, classes, logprobs: Float32Array.from(logprobs) };
    const found = (await prefixBeam(emissions, EVERYTHING)).slice(0, best.length);
    expect(found.map(({ tokens }) => tokens)).toEqual(best.map(([tokens]) => tokens));
    for (const [i, { logprob }] of found.entries()) expect(logprob).toBeCloseTo(best[i]?.[1] ?? 0, 3);
  });

  test.each(Array.from({ length: 20 }, (_, seed) => seed))(
    'an unlimited beam has every text: %p',
    async (seed) => {
      const emissions = randomEmissions(5, 3, seed);
      const expected = textsOf(emissions);
      const found = await prefixBeam(emissions, EVERYTHING);
      expect(new Set(found.map(({ tokens }) => tokens.join()))).toEqual(new Set(expected.keys()));
      for (const { tokens, logprob } of found) {
        expect(logprob).toBeCloseTo(expected.get(tokens.join()) ?? 0, 4);
      }
      expect(found.map(({ logprob }) => logprob)).toEqual(
        found.map(({ logprob }) => logprob).sort((a, b) => b - a),
      );
    },
  );

  test('a narrow beam keeps its size and finds the best of a clear case', async () => {
    const emissions = randomEmissions(12, 4, 3, 12);
    const wide = await prefixBeam(emissions, { ...EVERYTHING, beamSize: 4000 });
    const narrow = await prefixBeam(emissions, { blank: 0, beamSize: 4 });
    expect(narrow.length).toBeLessThanOrEqual(4);
    expect(narrow[0]?.tokens).toEqual(wide[0]?.tokens);
    expect(narrow[0]?.logprob).toBeLessThanOrEqual((wide[0]?.logprob ?? 0) + 1e-6);
  });
});

test('a beam lets the event loop run, and stops once it is cancelled', async () => {
  const controller = new AbortController();
  setImmediate(() => controller.abort());
  const options = { blank: 0, beamSize: 4, signal: controller.signal };
  await expect(prefixBeam(randomEmissions(200, 4, 1), options)).rejects.toMatchObject({ code: 'CANCELLED' });
});

test('hotwords change the text, and their bonus is told apart from the probability', async () => {
  const emissions = randomEmissions(5, 4, 21);
  const plain = await prefixBeam(emissions, EVERYTHING);
  const wanted = plain.find(({ tokens }) => tokens.length === 3 && tokens[0] !== plain[0]?.tokens[0]);
  const tokenizer = { encode: () => [...(wanted?.tokens ?? [])], decode: () => '' };
  const hotwords = new Hotwords(['wanted'], tokenizer, 5);
  const [boosted] = await prefixBeam(emissions, { ...EVERYTHING, hotwords });
  expect(boosted?.tokens).toEqual(wanted?.tokens);
  expect(boosted?.bonus).toBeCloseTo(15, 6);
  expect(boosted?.logprob).toBeCloseTo(wanted?.logprob ?? 0, 5);
});
