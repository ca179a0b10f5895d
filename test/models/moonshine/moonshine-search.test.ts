/** Beams and hotwords of Moonshine, on the tiny checkpoints of transformers. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { HotwordSearch } from '#daemon/models/hotwords/hotword-search.js';
import { Hotwords } from '#daemon/models/hotwords/hotword-trie.js';
import { decodeTokens, makeCaches } from '#daemon/models/moonshine/decode-tokens.js';
import { encodeSamples, type AudioKeysValues } from '#daemon/models/moonshine/encode-samples.js';
import { MoonshineModel } from '#daemon/models/moonshine/index.js';
import type { Moonshine } from '#daemon/models/moonshine/moonshine-network.js';
import { endToken, searchTokens } from '#daemon/models/moonshine/search-tokens.js';
import { BeamSearch, type Search } from '#daemon/models/search/search.js';
import { mx } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { expectedOf, moonshineDir, resultOf, type MoonshineCheckpoint } from './moonshine-dirs.js';

const never = new AbortController().signal;
const NAMES = ['odd-rotary', 'biases-float16'] as const;
const TOKENS = 12;

describe.each(NAMES)('%s', (name: MoonshineCheckpoint) => {
  let model: MoonshineModel;
  let network: Moonshine;
  let audio: AudioKeysValues;
  let caches: nn.SelfAttentionCache[];
  beforeAll(async () => {
    model = await MoonshineModel.load(moonshineDir(name));
    network = model.deps.model;
    audio = await encodeSamples(network, expectedOf(name).clips[1]?.samples ?? new Float32Array(0), never);
    caches = makeCaches(network, 2 * TOKENS);
  });
  afterAll(() => {
    mx.dispose(audio);
    for (const cache of caches) cache.dispose();
    model.dispose();
  });

  const limits = { maxTokens: TOKENS, shouldStop: () => false };
  const options = (beamSize: number) => ({
    beamSize,
    endOfText: endToken(network),
    vocabulary: network.config.vocabulary,
  });
  const search = (by: Search) => searchTokens(network, audio, caches, by, limits, never);

  /** Log-probabilities of the tokens after each other, all computed at once. */
  function scored(tokens: readonly number[]): number[] {
    for (const cache of caches) cache.reset();
    const input = [network.config.startToken, ...tokens.slice(0, -1)];
    const picked = mx.tidy(() => {
      const hidden = network.decoder.forward(
        mx.array(Int32Array.from(input), [1, input.length]),
        caches,
        audio,
      );
      const logprobs = nn.logSoftmax(mx.reshape(network.decoder.logits(hidden), [input.length, -1]));
      return mx.takeAlongAxis(logprobs, mx.array(Int32Array.from(tokens), [tokens.length, 1]), 1);
    });
    const values = [...picked.toTypedArray('float32')];
    picked.dispose();
    return values;
  }

  test('a beam of one is greedy, and so is a list of words that do not fit', async () => {
    await search(new BeamSearch(options(1))); // the caches get their buffers
    const live = mx.liveArrays();
    const greedy = await decodeTokens(network, audio, caches, limits, never);
    const ids = greedy.found.map(({ id }) => id);
    const hotwords = new Hotwords(['unheard'], model.deps.vocabulary, 1e-3);
    for (const by of [new BeamSearch(options(1)), new HotwordSearch({ ...options(1), hotwords })]) {
      const { found } = await search(by);
      expect(found.map(({ id }) => id)).toEqual(ids);
      for (const [i, { probability }] of found.entries())
        expect(probability).toBeCloseTo(greedy.found[i]?.probability ?? 0, 4);
    }
    expect(mx.liveArrays()).toBe(live);
  });

  test('the scores of a beam are those of its own text', async () => {
    const { found } = await search(new BeamSearch(options(4)));
    const expected = scored(found.map(({ id }) => id));
    expect(found.length).toBeGreaterThan(0);
    for (const [i, { probability }] of found.entries())
      expect(Math.log(probability)).toBeCloseTo(expected[i] ?? 0, 3);
  });

  test('a listed word is written if it is nearly as probable', async () => {
    const plain = (await search(new BeamSearch(options(1)))).found.map(({ id }) => id);
    const [first = 0] = plain;
    const letter = 'x'.codePointAt(0) ?? 0;
    const word = {
      encode: () => [first, letter],
      decode: ([id]: readonly number[]) => (id === letter ? 'x' : ' a'),
    };
    const hotwords = new Hotwords(['ax'], word, 50);
    const { found } = await search(new HotwordSearch({ ...options(1), hotwords }));
    expect(found.slice(0, 2).map(({ id }) => id)).toEqual([first, letter]);
  });

  test('files and live sessions take words and beams', async () => {
    const [, clip] = expectedOf(name).clips;
    const samples = clip?.samples ?? new Float32Array(0);
    const plain = await resultOf(model, samples, { vad: false });
    const beam = await resultOf(model, samples, { vad: false, beamSize: 3, hotwords: ['Sotto'] });
    expect(beam.segments.length).toBeGreaterThan(0);
    expect(plain.segments.length).toBeGreaterThan(0);
    const session = model.stream({ hotwords: ['Sotto'] });
    session.push(samples);
    await session.update(never);
    const again = model.stream({ hotwords: ['Sotto'] }, session.checkpoint());
    session.dispose();
    again.dispose();
  });
});

test('all tokens that end a text do', async () => {
  const model = await MoonshineModel.load(moonshineDir('odd-rotary'));
  const [clip] = expectedOf('odd-rotary').clips;
  const audio = await encodeSamples(model.deps.model, clip?.samples ?? new Float32Array(0), never);
  const [first = 0, second = 0] = clip?.tokens ?? [];
  const { config } = model.deps.model;
  const network = Object.create(model.deps.model, {
    config: { value: { ...config, endTokens: [...config.endTokens, second] } },
  }) as Moonshine;
  const caches = makeCaches(network, TOKENS);
  const by = new BeamSearch({ beamSize: 1, endOfText: endToken(network), vocabulary: config.vocabulary });
  const limits = { maxTokens: TOKENS, shouldStop: () => false };
  expect(await searchTokens(network, audio, caches, by, limits, never)).toMatchObject({
    found: [{ id: first }],
    ended: true,
  });
  mx.dispose(audio);
  for (const cache of caches) cache.dispose();
  model.dispose();
});
