import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { packageRoot } from '#daemon/paths.js';
import { alignTokens, minFrames } from '#daemon/models/ctc/align.js';
import { WILDCARD } from '#daemon/models/ctc/wildcard.js';
import { sliceEmissions, type CtcToken, type Emissions } from '#daemon/models/ctc/emissions.js';
import { seededRandom } from '../../harness/seeded-random.js';
import { allPaths, collapsed, randomEmissions } from './ctc-brute-force.js';

interface Aligned {
  readonly blank: number;
  readonly classes: number;
  readonly tokens: number[];
  readonly logprobs: number[];
  readonly spans: [id: number, start: number, end: number, probability: number][];
}

const fixtures = JSON.parse(readFileSync(join(packageRoot, 'test/fixtures/ctc.json'), 'utf8')) as {
  aligned: Aligned[];
};

const total = (tokens: readonly CtcToken[]): number =>
  tokens.reduce((sum, { start, end, logprob }) => sum + (end - start) * logprob, 0);

describe('torchaudio’s forced_align', () => {
  test.each(fixtures.aligned)('$tokens', async ({ blank, classes, tokens, logprobs, spans }) => {
    const emissions = {
      frames: logprobs.length / classes,
      classes,
      logprobs: Float32Array.from(logprobs),
    };
    const found = await alignTokens(emissions, tokens, { blank });
    expect(found.map(({ id, start, end }) => [id, start, end])).toEqual(
      spans.map(([id, start, end]) => [id, start, end]),
    );
    for (const [i, { logprob }] of found.entries()) expect(logprob).toBeCloseTo(spans[i]?.[3] ?? 0, 4);
  });
});

/** A text of up to three tokens for emissions of up to six frames. */
function smallCase(seed: number): { emissions: Emissions; tokens: number[]; blank: number } {
  const random = seededRandom(seed);
  const classes = 2 + Math.floor(random() * 2);
  const blank = Math.floor(random() * classes);
  const emissions = randomEmissions(1 + Math.floor(random() * 6), classes, seed);
  const others = Array.from({ length: classes }, (_, id) => id).filter((id) => id !== blank);
  const length = 1 + Math.floor(random() * 3);
  const tokens = Array.from({ length }, () => others[Math.floor(random() * others.length)] ?? 0);
  return { emissions, tokens, blank };
}

const cases = Array.from({ length: 60 }, (_, seed) => smallCase(seed));
const fits = ({ emissions, tokens }: (typeof cases)[number]): boolean =>
  minFrames(tokens) <= emissions.frames;

describe('all alignments of a text', () => {
  test.each(cases.filter(fits))('none is better: $tokens', async ({ emissions, tokens, blank }) => {
    let best = -Infinity;
    for (const { path, logprob } of allPaths(emissions)) {
      if (collapsed(path, blank).join() === tokens.join()) best = Math.max(best, logprob);
    }
    const spans = await alignTokens(emissions, tokens, { blank });
    expect(spans.map(({ id }) => id)).toEqual(tokens);
    const { frames, classes, logprobs } = emissions;
    const blanks = Array.from({ length: frames }, (_, t) => t).filter(
      (t) => !spans.some(({ start, end }) => t >= start && t < end),
    );
    const blankLogprob = blanks.reduce((sum, t) => sum + (logprobs[t * classes + blank] ?? 0), 0);
    expect(total(spans) + blankLogprob).toBeCloseTo(best, 4);
  });

  test.each(cases.filter((small) => !fits(small)))(
    'there is none: $tokens',
    async ({ emissions, tokens, blank }) => {
      const texts = [...allPaths(emissions)].map(({ path }) => collapsed(path, blank).join());
      expect(texts).not.toContain(tokens.join());
      await expect(alignTokens(emissions, tokens, { blank })).rejects.toThrow('longer than the audio');
    },
  );
});

describe('a trellis in blocks', () => {
  /** Speech-like emissions: each token of the text is probable in its frames. */
  function spoken(tokens: readonly number[], framesEach: number, classes: number): Emissions {
    const emissions = randomEmissions(tokens.length * framesEach, classes, 5, 2);
    for (const [i, id] of tokens.entries()) {
      for (let t = i * framesEach; t < (i + 1) * framesEach; t++) {
        const row = emissions.logprobs.subarray(t * classes, (t + 1) * classes);
        row[t < (i + 0.5) * framesEach ? id : 0] = 0;
      }
    }
    return emissions;
  }

  test('finds the same frames as a short one', async () => {
    const random = seededRandom(9);
    const tokens = Array.from({ length: 4000 }, () => 1 + Math.floor(random() * 5));
    const emissions = spoken(tokens, 4, 6); // 128 million choices: two blocks and more
    const progress: number[] = [];
    const { signal } = new AbortController();
    const spans = await alignTokens(emissions, tokens, {
      blank: 0,
      signal,
      onProgress: (fraction) => progress.push(fraction),
    });
    expect(spans.map(({ id }) => id)).toEqual(tokens);
    expect(progress.at(-1)).toBe(1);
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
    const half = 2000;
    const first = await alignTokens(sliceEmissions(emissions, 0, 4 * half), tokens.slice(0, half), {
      blank: 0,
    });
    expect(spans.slice(0, half)).toEqual(first);
  });

  test('is cancelled on the way', async () => {
    const tokens = Array.from({ length: 2000 }, (_, i) => 1 + (i % 5));
    const cancelled = new AbortController();
    const running = alignTokens(spoken(tokens, 4, 6), tokens, {
      blank: 0,
      signal: cancelled.signal,
      onProgress: () => cancelled.abort(),
    });
    await expect(running).rejects.toMatchObject({ code: 'CANCELLED' });
  });
});

describe('a wildcard', () => {
  test('gets the frames of text without tokens, and no others', async () => {
    // One frame a letter: 1, blank, 3, 4, blank, 2; the text knows 1 and 2 only.
    const path = [1, 0, 3, 4, 0, 2];
    const logprobs = new Float32Array(6 * 5).fill(-8);
    for (const [t, id] of path.entries()) logprobs[t * 5 + id] = -0.01;
    const spans = await alignTokens({ frames: 6, classes: 5, logprobs }, [1, WILDCARD, 2], { blank: 0 });
    expect(spans.map(({ id, start, end }) => [id, start, end])).toEqual([
      [1, 0, 1],
      [WILDCARD, 2, 4],
      [2, 5, 6],
    ]);
  });
});

describe('refused', () => {
  const emissions = randomEmissions(4, 3, 1);

  test.each([
    ['an id of no token', [3]],
    ['a negative one', [-2]],
    ['a fraction', [0.5]],
    ['the blank', [1, 0]],
  ])('%s', async (_, tokens) => {
    await expect(alignTokens(emissions, tokens, { blank: 0 })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });

  test('repeats without a frame for the blank between them', async () => {
    await expect(alignTokens(emissions, [1, 1, 1], { blank: 0 })).rejects.toThrow('5 frames of 4');
    await expect(alignTokens(emissions, [1, 2, 1, 2], { blank: 0 })).resolves.toHaveLength(4);
  });

  test('no text has no tokens', async () => {
    await expect(alignTokens(emissions, [], { blank: 0 })).resolves.toEqual([]);
  });
});
