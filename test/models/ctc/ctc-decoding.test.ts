import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { packageRoot } from '#daemon/paths.js';
import { collapse } from '#daemon/models/ctc/collapse.js';
import { emissionsOf, joinEmissions, sliceEmissions } from '#daemon/models/ctc/emissions.js';
import { PhraseTrie } from '#daemon/models/ctc/phrase-trie.js';
import { prefixBeam } from '#daemon/models/ctc/prefix-beam.js';
import { mx } from '#native/index.js';
import { seededRandom } from '../../harness/seeded-random.js';
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
  test.each(beams)('equals pyctcdecode', ({ classes, logprobs, best }) => {
    const emissions = { frames: logprobs.length / classes, classes, logprobs: Float32Array.from(logprobs) };
    const found = prefixBeam(emissions, EVERYTHING).slice(0, best.length);
    expect(found.map(({ tokens }) => tokens)).toEqual(best.map(([tokens]) => tokens));
    for (const [i, { logprob }] of found.entries()) expect(logprob).toBeCloseTo(best[i]?.[1] ?? 0, 3);
  });

  test.each(Array.from({ length: 20 }, (_, seed) => seed))('an unlimited beam has every text: %p', (seed) => {
    const emissions = randomEmissions(5, 3, seed);
    const expected = textsOf(emissions);
    const found = prefixBeam(emissions, EVERYTHING);
    expect(new Set(found.map(({ tokens }) => tokens.join()))).toEqual(new Set(expected.keys()));
    for (const { tokens, logprob } of found) {
      expect(logprob).toBeCloseTo(expected.get(tokens.join()) ?? 0, 4);
    }
    expect(found.map(({ logprob }) => logprob)).toEqual(
      found.map(({ logprob }) => logprob).sort((a, b) => b - a),
    );
  });

  test('a narrow beam keeps its size and finds the best of a clear case', () => {
    const emissions = randomEmissions(12, 4, 3, 12);
    const wide = prefixBeam(emissions, { ...EVERYTHING, beamSize: 4000 });
    const narrow = prefixBeam(emissions, { blank: 0, beamSize: 4 });
    expect(narrow.length).toBeLessThanOrEqual(4);
    expect(narrow[0]?.tokens).toEqual(wide[0]?.tokens);
    expect(narrow[0]?.logprob).toBeLessThanOrEqual((wide[0]?.logprob ?? 0) + 1e-6);
  });
});

describe('phrases', () => {
  const DELIMITER = 9;
  const gain = (trie: PhraseTrie, tokens: readonly number[]): number => {
    let state = trie.start;
    let sum = 0;
    for (const token of tokens) {
      const next = trie.advance(state, token);
      state = next.state;
      sum += next.gain;
    }
    return sum + trie.finish(state);
  };

  test.each([
    ['a whole phrase', [1, 2, 3], 3],
    ['a part', [1, 2], 0],
    ['a part, then others', [1, 2, 5, 5], 0],
    ['after others', [5, 5, 1, 2, 3, 5], 3],
    ['after its own beginning', [1, 1, 2, 3], 3],
    ['within a failed one', [1, 4, 6, 5], 2],
    ['twice', [1, 2, 3, 1, 2, 3], 6],
    ['a longer one', [4, 6, 7, 8], 4],
    ['not overlapping', [1, 2, 3, 3], 3],
  ])('anywhere: %s', (_, tokens, expected) => {
    const trie = new PhraseTrie(
      [
        [1, 2, 3],
        [1, 4, 6, 2],
        [4, 6],
        [4, 6, 7, 8],
        [3, 3],
      ],
      { weight: 1 },
    );
    expect(gain(trie, tokens)).toBeCloseTo(expected, 9);
  });

  test.each([
    ['a word', [1, 2, DELIMITER], 3],
    ['a word at the end', [1, 2], 2],
    ['within a word', [5, 1, 2, DELIMITER], 0],
    ['the beginning of a word', [1, 2, 5, DELIMITER], 0],
    ['two words', [1, 2, DELIMITER, 3, DELIMITER], 5],
    ['the second word of a failed phrase', [5, DELIMITER, 1, 2, DELIMITER], 3],
    ['a phrase that starts in another', [4, DELIMITER, 1, 2, DELIMITER], 3],
  ])('whole words: %s', (_, tokens, expected) => {
    const phrases = [
      [1, 2],
      [1, 2, DELIMITER, 3],
      [4, DELIMITER, 1, 7],
    ];
    const trie = new PhraseTrie(phrases, { weight: 1, delimiter: DELIMITER });
    expect(gain(trie, tokens)).toBeCloseTo(expected, 9);
  });

  test('what a text earns is that of its whole phrases, whatever comes first', () => {
    const random = seededRandom(4);
    const trie = new PhraseTrie(
      [
        [1, 2, 1],
        [2, 2],
      ],
      { weight: 0.5 },
    );
    for (let i = 0; i < 300; i++) {
      const tokens = Array.from({ length: 6 }, () => 1 + Math.floor(random() * 2));
      const sum = gain(trie, tokens);
      expect(sum).toBeGreaterThanOrEqual(-1e-9);
      expect(sum).toBeLessThanOrEqual(0.5 * tokens.length + 1e-9);
    }
  });

  test('a boost changes the text, and the bonus is told apart from the probability', () => {
    const emissions = randomEmissions(5, 4, 21);
    const plain = prefixBeam(emissions, EVERYTHING);
    const wanted = plain.find(({ tokens }) => tokens.length === 3 && tokens[0] !== plain[0]?.tokens[0]);
    const phrases = new PhraseTrie([wanted?.tokens ?? []], { weight: 5 });
    const [boosted] = prefixBeam(emissions, { ...EVERYTHING, phrases });
    expect(boosted?.tokens).toEqual(wanted?.tokens);
    expect(boosted?.bonus).toBeCloseTo(15, 6);
    expect(boosted?.logprob).toBeCloseTo(wanted?.logprob ?? 0, 5);
  });
});
