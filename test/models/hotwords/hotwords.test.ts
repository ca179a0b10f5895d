import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { HotwordSearch } from '#daemon/models/hotwords/hotword-search.js';
import {
  Hotwords,
  INITIAL_STATE,
  type HotwordState,
  type WordTokenizer,
} from '#daemon/models/hotwords/hotword-trie.js';
import { WhisperModel } from '#daemon/models/whisper/index.js';
import { BeamSearch, BestOfSamples, type Search, type Sequence } from '#daemon/models/search/search.js';
import type { TranscribeOptions } from '#daemon/protocol/transcription.js';
import { testUnless } from '#test/harness/skipping.js';
import { clip, missingClips, root, samplesOf, starterModel, transcribed } from '../model-fixtures.js';

/** One token per character, with its leading space; the end is a separate token. */
const END = 0;
const letters: WordTokenizer = {
  encode: (text) =>
    Array.from(
      text.matchAll(/( ?)(.)/gsu),
      ([, space, one]) => (one?.codePointAt(0) ?? 0) * 2 + (space === '' ? 0 : 1),
    ),
  decode: (tokens) =>
    tokens
      .map((token) => (token % 2 === 1 ? ' ' : '') + (token > 1 ? String.fromCodePoint(token >> 1) : ''))
      .join(''),
};

function read(hotwords: Hotwords, text: string): HotwordState {
  return [...letters.encode(text), END].reduce(
    (state, token) => hotwords.advance(state, token),
    INITIAL_STATE,
  );
}

const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 5 });

describe('the hotwords of a text', () => {
  test('earn by their tokens if complete and separate', () => {
    const hotwords = new Hotwords(['Hale', 'New York', '北京'], letters, 1);
    const earnedBonus = (text: string): number => read(hotwords, text).earnedBonus;
    expect(earnedBonus(' Mr Hale went')).toBe(4);
    expect(earnedBonus(' Mr Hale')).toBe(4);
    expect(earnedBonus('Hale, he went')).toBe(4);
    expect(earnedBonus(' Hale-Hale')).toBe(8);
    expect(earnedBonus(" Hale's")).toBe(4);
    expect(earnedBonus(' Haley')).toBe(0);
    expect(earnedBonus(' InHale')).toBe(0);
    expect(earnedBonus(' Hal')).toBe(0);
    expect(earnedBonus(' New Yorker')).toBe(0);
    expect(earnedBonus(' in New York, New York')).toBe(14);
    expect(earnedBonus(' New New York')).toBe(7);
    expect(earnedBonus('在北京市')).toBe(2); // no spaces between its words
  });

  test('earn once if one starts another', () => {
    const hotwords = new Hotwords(['Tamayo', 'Tamayo y Baus', 'y'], letters, 1);
    expect(read(hotwords, ' Tamayo y Baus').earnedBonus).toBe(11);
    expect(read(hotwords, ' Tamayo y otro').earnedBonus).toBe(7);
    expect(read(hotwords, ' Tamayo, y').earnedBonus).toBe(7);
  });

  test('earn once if one repeats', () => {
    const hotwords = new Hotwords(['Nassau', 'Nassau County'], letters, 1);
    expect(read(hotwords, ' Nassau Nassau Nassau').earnedBonus).toBe(6);
    expect(read(hotwords, ' Nassau and Nassau').earnedBonus).toBe(12);
    expect(read(hotwords, ' Nassau Nassau County').earnedBonus).toBe(18);
  });

  test('earn less in a long list', () => {
    const long = Array.from({ length: 996 }, (_, i) => `other${i}`);
    const hotwords = new Hotwords(['Hale', 'Dashwood', 'a', '  a'], letters, 1);
    const crowded = new Hotwords(['Hale', 'Dashwood', 'a', 'b', ...long], letters, 1);
    for (const [spoken, tokens] of Object.entries({ Hale: 4, Dashwood: 8 })) {
      expect(read(hotwords, ` ${spoken}`).earnedBonus).toBe(tokens);
      expect(read(crowded, ` ${spoken}`).earnedBonus).toBeCloseTo(tokens - Math.log(10));
    }
    expect(read(crowded, ' a').earnedBonus).toBe(0); // never less than nothing
  });

  test('earn nothing else for any list and text', () => {
    fc.assert(
      fc.property(fc.array(word), fc.array(word), (list, spoken) => {
        const hotwords = new Hotwords(list, letters, 1);
        const text = spoken.map((one) => ` ${one}`).join('');
        const listed = new Set([...list, ...list.map((one) => one[0]?.toUpperCase() + one.slice(1))]);
        const earning = spoken.filter((one, i) => listed.has(one) && spoken[i - 1] !== one);
        const wanted = earning.reduce((sum, one) => sum + one.length, 0);
        expect(read(hotwords, text).earnedBonus).toBe(wanted);
      }),
    );
  });

  test('never promise more than they earn, and list the tokens that continue them', () => {
    fc.assert(
      fc.property(fc.array(word, { minLength: 1 }), word, (list, spoken) => {
        const hotwords = new Hotwords(list, letters, 1);
        let state = INITIAL_STATE;
        for (const token of letters.encode(` ${spoken}`)) {
          const continuations = new Set([...hotwords.continuations(state)].map(([next]) => next));
          state = hotwords.advance(state, token);
          if (state.paths.length > 0) expect(continuations.has(token)).toBe(true);
          expect(hotwords.partialBonus(state)).toBeLessThanOrEqual(hotwords.maxBonus(state));
        }
      }),
    );
  });

  test('are plain text: no empty ones, line ends or special tokens', () => {
    const hotwords = new Hotwords(['', '  ', '\n', ' two\nlines ', 'two lines', '<|endoftext|>'], letters);
    expect(hotwords.words).toEqual(['two lines', '<|endoftext|>']);
    expect(new Hotwords([' '], letters).isEmpty).toBe(true);
  });
});

/** A language model with a chain of probable letters; all others are equally improbable. */
function modelHearing(
  steps: readonly Record<string, number>[],
  vocabulary: number,
): (tokens: readonly number[]) => Float32Array {
  return (tokens) => {
    const row = new Float32Array(vocabulary).fill(-30);
    const place = steps[tokens.length];
    if (place === undefined) row[END] = 0;
    for (const [text, logprob] of Object.entries(place ?? {})) {
      row[text === '' ? END : (letters.encode(text)[0] ?? END)] = logprob;
    }
    return row;
  };
}

function run(search: Search, model: ReturnType<typeof modelHearing>, maxSteps = 40): Sequence {
  for (let step = 0; step < maxSteps && search.live.length > 0; step++) {
    const before = search.live;
    const rows = search.step(Float32Array.from(before.flatMap(({ tokens }) => [...model(tokens)])));
    expect(rows).toHaveLength(search.live.length);
    for (const [i, { tokens }] of search.live.entries()) {
      expect(tokens.slice(0, -1)).toEqual(before[rows[i] ?? -1]?.tokens);
    }
  }
  return search.best();
}

describe('a hotword search', () => {
  const vocabulary = 300;
  const limits = { endOfText: END, vocabulary, beamSize: 1 };
  const text = (sequence: Sequence): string => letters.decode(sequence.tokens);
  const hailWords = [
    { ' h': -0.1, ' H': -3 },
    { a: -0.1 },
    { i: -0.2, l: -2 },
    { l: -0.1, e: -0.5 },
    { ' x': -0.1 },
    { '': 0 },
  ];

  test('prefers a listed word that is nearly as probable, with the score of the model', () => {
    const search = new HotwordSearch({ ...limits, hotwords: new Hotwords(['Hale'], letters, 1.5) });
    const found = run(search, modelHearing(hailWords, vocabulary));
    expect(text(found)).toBe(' Hale x');
    expect(found.sumLogprob).toBeCloseTo(-3 - 0.1 - 2 - 0.5 - 0.1);
    expect(found.logprobs).toHaveLength(found.tokens.length);
  });

  test('drops a false start of one', () => {
    const search = new HotwordSearch({ ...limits, hotwords: new Hotwords(['Haley'], letters, 1.5) });
    expect(text(run(search, modelHearing(hailWords, vocabulary)))).toBe(' hail x');
  });

  test('ignores much less probable words', () => {
    const search = new HotwordSearch({ ...limits, hotwords: new Hotwords(['Hale'], letters, 0.5) });
    expect(text(run(search, modelHearing(hailWords, vocabulary)))).toBe(' hail x');
  });

  test('finds a word at the very end, after the best sequence has ended', () => {
    const steps = [{ ' h': -0.1, ' H': -2 }, { a: -0.1 }, { i: -0.2, l: -1 }, { '': -0.1, e: -0.5 }];
    const search = new HotwordSearch({ ...limits, hotwords: new Hotwords(['Hale'], letters, 1.5) });
    expect(text(run(search, modelHearing(steps, vocabulary)))).toBe(' Hale');
  });

  const models = fc.array(
    fc.dictionary(
      fc.constantFrom('a', 'b', ' a', ' b', ' c', ''),
      fc.double({ min: -8, max: 0, noNaN: true }),
      {
        minKeys: 1,
      },
    ),
    { minLength: 1, maxLength: 8 },
  );

  test('is greedy if no listed word fits', () => {
    fc.assert(
      fc.property(models, fc.array(word), (steps, list) => {
        const model = modelHearing(steps, vocabulary);
        const hotwords = new Hotwords(
          list.map((one) => one.toUpperCase()),
          letters,
          2,
        );
        const greedy = run(new BeamSearch(limits), model);
        expect(run(new HotwordSearch({ ...limits, hotwords }), model)).toMatchObject({
          tokens: greedy.tokens,
        });
      }),
    );
  });

  test('equals beam search without a list, at any width', () => {
    fc.assert(
      fc.property(models, fc.integer({ min: 1, max: 4 }), fc.boolean(), (steps, beamSize, earlyStopping) => {
        const model = modelHearing(steps, vocabulary);
        const options = { ...limits, beamSize, earlyStopping };
        const beam = run(new BeamSearch(options), model);
        const hotwords = new Hotwords([], letters);
        expect(text(run(new HotwordSearch({ ...options, hotwords }), model))).toBe(text(beam));
      }),
    );
  });

  test('never scores below the search without words', () => {
    fc.assert(
      fc.property(models, fc.array(word, { maxLength: 4 }), (steps, list) => {
        const model = modelHearing(steps, vocabulary);
        const hotwords = new Hotwords(list, letters, 1);
        const found = run(new HotwordSearch({ ...limits, hotwords }), model);
        expect(found.logprobs).toHaveLength(found.tokens.length);
        const sum = found.logprobs.reduce((total, one) => total + one, 0);
        expect(found.sumLogprob).toBeLessThanOrEqual(sum + 1e-6);
      }),
    );
  });

  test('samples started words to their end more often, and starts none', () => {
    const steps = [
      { ' h': -0.7, ' H': -0.7 },
      { a: -0.7, b: -0.7 },
    ];
    const hotwords = new Hotwords(['Ha'], letters, 2);
    const counts = new Map<string, number>();
    for (let seed = 0; seed < 400; seed++) {
      const boost = (tokens: readonly number[]) => hotwords.boosts(tokens);
      const draws = new BestOfSamples({ ...limits, count: 1, temperature: 1, seed, boost });
      const found = run(draws, modelHearing(steps, vocabulary));
      expect(found.sumLogprob).toBeCloseTo(-1.4);
      counts.set(text(found), (counts.get(text(found)) ?? 0) + 1);
    }
    const [ha = 0, hb = 0, small = 0] = [' Ha', ' Hb', ' ha'].map((one) => counts.get(one));
    expect(Math.abs((ha + hb) / 400 - 0.5)).toBeLessThan(0.1);
    expect(ha / (ha + hb)).toBeGreaterThan(0.8); // e² : 1, which is 0.88
    expect(Math.abs(small / 400 - 0.25)).toBeLessThan(0.1);
  });
});

describe('with real weights', () => {
  let model: WhisperModel;
  beforeAll(async () => {
    model = await WhisperModel.load(starterModel());
  });
  afterAll(() => model.dispose());

  const transcribeText = async (samples: Float32Array, options: TranscribeOptions): Promise<string> =>
    (await transcribed(model, samples, { temperature: [0], ...options })).text;

  test('writes a rare word of a sonnet as listed', async () => {
    const sonnet = await samplesOf(join(root, 'assets/speech/sonnet1.mp3'));
    const end = sonnet.subarray(33 * 16_000, 48 * 16_000);
    const plain = await transcribeText(end, { vad: false });
    expect(plain).not.toContain('buriest');
    const biasedText = await transcribeText(end, { vad: false, hotwords: ['buriest', 'niggarding'] });
    expect(biasedText).toContain('thine own bud buriest thy content');
  });

  test('changes nothing if none of 200 listed names occurs', async () => {
    const jfk = await samplesOf(join(root, 'assets/speech/jfk.flac'));
    const { distractors } = JSON.parse(readFileSync(join(root, 'test/fixtures/hotwords.json'), 'utf8')) as {
      distractors: string[];
    };
    const hotwords = distractors.slice(0, 200);
    const plain = await transcribed(model, jfk, { temperature: [0] });
    const biasedText = await transcribed(model, jfk, { temperature: [0], hotwords });
    expect(biasedText.text).toBe(plain.text);
    expect(biasedText.segments[0]?.details.whisper.avgLogprob).toBeCloseTo(
      plain.segments[0]?.details.whisper.avgLogprob ?? 0,
      3,
    ); // without the bonus
  });

  test('sampling and beams work with a list', async () => {
    const jfk = await samplesOf(join(root, 'assets/speech/jfk.flac'));
    const options = { hotwords: ['Americans', 'Kennedy'], whisper: { noRepeatNgram: 8 } };
    for (const more of [
      { temperature: [0.2] },
      { temperature: [0.4], whisper: { noRepeatNgram: 8, bestOf: 2 } },
      { beamSize: 3 },
    ]) {
      const biasedText = await transcribeText(jfk, { ...options, ...more });
      expect(biasedText).toMatch(/my fellow Americans.* ask not what your country/);
      expect(biasedText).not.toContain('Kennedy');
    }
  });

  testUnless(missingClips('hotword-comfyui.mp3'))('writes ComfyUI if listed', async () => {
    const samples = await samplesOf(clip('hotword-comfyui.mp3') ?? '');
    expect(await transcribeText(samples, {})).not.toContain('ComfyUI');
    expect((await transcribeText(samples, { hotwords: ['ComfyUI'] })).match(/ComfyUI/g)).toHaveLength(2);
  });

  test('the list may be long and in any script', () => {
    const { tokenizer } = model.deps;
    const list = Array.from({ length: 1000 }, (_, i) => `${i} Ωμέγα 東京 نص ${'x'.repeat(80)}`);
    const hotwords = new Hotwords([...list, '<|endoftext|>', '😀'], tokenizer);
    expect(hotwords.words).toHaveLength(1002);
    const end = tokenizer.special.endOfText;
    let state = INITIAL_STATE;
    for (const token of tokenizer.encode(' <|endoftext|> 😀.')) {
      expect([...hotwords.continuations(state)].every(([next]) => next < end)).toBe(true);
      state = hotwords.advance(state, token);
    }
    expect(state.earnedBonus).toBeGreaterThan(0);
  });
});
