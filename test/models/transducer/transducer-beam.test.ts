/** Beams of transducers give the tokens, frames and durations of parakeet-mlx (test/reference/make-transducer-beam-fixtures.py). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { Hotwords } from '#daemon/models/hotwords/hotword-trie.js';
import { decodeBeam } from '#daemon/models/transducer/beam.js';
import type { Emission } from '#daemon/models/transducer/greedy-walk.js';
import { decodeGreedy, type GreedyState } from '#daemon/models/transducer/greedy.js';
import { openDecoder } from '#daemon/models/transducer/transducer-decoder.js';
import { Transducer } from '#daemon/models/transducer/transducer.js';
import {
  JointNetwork,
  PredictionNetwork,
  type TransducerConfig,
} from '#daemon/models/transducer/transducer-network.js';
import { packageRoot } from '#daemon/paths.js';
import { mx, type MxArray } from '#native/index.js';

import { decodeFloats } from '../model-fixtures.js';

type TokenRow = [id: number, frame: number, duration: number];

interface Case {
  readonly durations: number[];
  readonly layers: number;
  readonly tokens: number;
  readonly dims: number;
  readonly maxSymbols: number;
  readonly bonus: number;
  readonly features: string;
  readonly weights: Record<string, { shape: number[]; data: string }>;
  readonly runs: {
    beamSize: number;
    lengthPenalty: number;
    patience: number;
    durationReward: number;
    phrases: number[][];
    tokens: TokenRow[];
  }[];
  readonly greedy: { readonly phrases: number[][]; readonly tokens: TokenRow[] };
}

const cases = JSON.parse(
  readFileSync(join(packageRoot, 'test/fixtures/transducer-beams.json'), 'utf8'),
) as Case[];
const { signal } = new AbortController();

function loaded(one: Case): { transducer: Transducer; features: MxArray; dispose: () => void } {
  const { tokens, dims, layers, durations, maxSymbols } = one;
  const config: TransducerConfig = {
    encoderDims: dims,
    tokens,
    predictionDims: dims,
    predictionLayers: layers,
    jointDims: dims,
    activation: 'relu',
    durations,
    maxSymbols,
  };
  const [decoder, joint] = [new PredictionNetwork(config), new JointNetwork(config)];
  for (const [part, network] of Object.entries({ decoder, joint })) {
    const own = Object.entries(one.weights).filter(([name]) => name.startsWith(`${part}.`));
    network.loadWeights(
      Object.fromEntries(
        own.map(([name, { shape, data }]) => [
          name.slice(part.length + 1),
          mx.array(decodeFloats(data), shape),
        ]),
      ),
    );
  }
  const values = decodeFloats(one.features);
  const features = mx.array(values, [values.length / dims, dims]);
  const transducer = new Transducer(config, decoder, joint, 'float32');
  return {
    transducer,
    features,
    dispose: () => {
      features.dispose();
      decoder.dispose();
      joint.dispose();
    },
  };
}

/** Phrases that may begin anywhere. */
function hotwordsOf(phrases: readonly number[][], bonus: number): Hotwords | undefined {
  if (phrases.length === 0) return undefined;
  const names = phrases.map((phrase) => phrase.join('-'));
  const encode = (text: string): number[] => text.trim().split('-').map(Number);
  return new Hotwords(names, { encode, decode: () => '' }, bonus);
}

describe.each(cases.map((one, i) => [i, one] as const))('case %p', (_, one) => {
  test.each(one.runs.map((run, i) => [i, run] as const))(
    'run %p',
    async (_i, { phrases, tokens, ...options }) => {
      const live = mx.liveArrays();
      const { transducer, features, dispose } = loaded(one);
      const hotwords = hotwordsOf(phrases, one.bonus);
      const found = await decodeBeam(transducer, features, { ...options, hotwords, signal });
      expect(tokens.length).toBeGreaterThan(5);
      expect(found.map(({ token, frame, frames }) => [token, frame, frames])).toEqual(
        tokens.map(([id, frame, duration]) => [id, frame, Math.max(1, duration)]),
      );
      for (const { logprob } of found) expect(logprob).toBeLessThanOrEqual(0);
      dispose();
      expect(mx.liveArrays()).toBe(live);
    },
  );
});

test.each(cases.map((one, i) => [i, one] as const))(
  'greedy decoding with phrases, case %p, at once and in parts',
  async (_, one) => {
    const { transducer, features, dispose } = loaded(one);
    const hotwords = hotwordsOf(one.greedy.phrases, one.bonus);
    const rowsOf = (found: readonly Emission[]): number[][] =>
      found.map(({ token, frame, frames }) => [token, frame, frames]);
    const whole = rowsOf(await decodeGreedy(transducer, features, { hotwords }));
    expect(whole).toEqual(
      one.greedy.tokens.map(([id, frame, duration]) => [id, frame, Math.max(1, duration)]),
    );
    expect(whole).not.toEqual(rowsOf(await decodeGreedy(transducer, features)));
    // Each part is decoded by another decoder, which gets the state as JSON.
    const parts: Emission[] = [];
    let state: GreedyState | undefined;
    for (let from = 0; from < (features.shape[0] ?? 0); from += 7) {
      const part = mx.tidy(() =>
        mx.slice(features, [from, 0], [Math.min(from + 7, features.shape[0] ?? 0), one.dims]),
      );
      const decoder = openDecoder(transducer, { hotwords }, state);
      parts.push(...(await decoder.decode(part, signal)));
      const { recurrent, ...rest } = decoder.state;
      state = { ...(JSON.parse(JSON.stringify(rest)) as GreedyState), recurrent };
      decoder.dispose();
      part.dispose();
    }
    expect(rowsOf(parts)).toEqual(whole);
    dispose();
  },
);

test('a cancelled beam ends within a step, and frees everything', async () => {
  const [one] = cases;
  if (one === undefined) throw new Error('no cases');
  const { transducer, features, dispose } = loaded(one);
  const live = mx.liveArrays();
  const controller = new AbortController();
  const run = decodeBeam(transducer, features, { beamSize: 4, signal: controller.signal });
  setImmediate(() => controller.abort());
  await expect(run).rejects.toMatchObject({ code: 'CANCELLED' });
  expect(mx.liveArrays()).toBe(live);
  const none = mx.zeros([0, one.dims]);
  expect(await decodeBeam(transducer, none, { beamSize: 4, signal })).toEqual([]);
  expect(await decodeGreedy(transducer, none)).toEqual([]);
  none.dispose();
  dispose();
});
