import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';

import { parseConfig } from '#daemon/models/whisper/whisper-config.js';
import { LogitFilters } from '#daemon/models/whisper/decode/logit-filters.js';
import { WhisperTokenizer } from '#daemon/models/whisper/tokenizer.js';
import { mx, type MxArray } from '#native/index.js';

import { SIZES } from '../model-sizes.js';

const config = parseConfig(SIZES.base);
let tokenizer: WhisperTokenizer;
beforeAll(async () => {
  tokenizer = await WhisperTokenizer.load(config);
});
afterAll(() => tokenizer.dispose());

/** OpenAI's rules, implemented literally: the logits after `sampled`, on the host. */
function oracle(logits: Float32Array, sampled: number[], timestamps: boolean): Float32Array {
  const { special } = tokenizer;
  const out = logits.slice();
  const forbid = (from: number, to: number): void => void out.fill(-Infinity, from, Math.max(from, to));
  if (sampled.length === 0) for (const token of [220, special.endOfText]) forbid(token, token + 1);
  const { transcribe, translate, startOfTranscript, startOfPrev, startOfLm, noSpeech } = special;
  const never = [transcribe, translate, startOfTranscript, startOfPrev, startOfLm, noSpeech];
  for (const token of [...tokenizer.nonSpeechTokens, ...never]) forbid(token, token + 1);
  if (!timestamps) return out;

  const begin = special.timestampBegin;
  const isStamp = (token: number | undefined): boolean => token !== undefined && token >= begin;
  forbid(special.noTimestamps, special.noTimestamps + 1);
  const last = isStamp(sampled.at(-1));
  const before = sampled.length < 2 || isStamp(sampled.at(-2));
  if (last && before) forbid(begin, out.length);
  else if (last) forbid(0, special.endOfText);
  const latest = sampled.findLast(isStamp);
  if (latest !== undefined) forbid(begin, last && !before ? latest : latest + 1);
  if (sampled.length === 0) {
    forbid(0, begin);
    forbid(begin + 51, out.length);
  }
  const text = out.subarray(0, begin);
  const stamps = out.subarray(begin);
  let [peak, total, textPeak] = [-Infinity, 0, -Infinity];
  for (const x of stamps) peak = Math.max(peak, x);
  for (const x of stamps) if (x > -Infinity) total += Math.exp(x - peak);
  for (const x of text) textPeak = Math.max(textPeak, x);
  if (peak + Math.log(total) > textPeak) text.fill(-Infinity);
  return out;
}

function filtered(filters: LogitFilters, logits: Float32Array, sampled: number[]): Float32Array {
  const out = mx.tidy(() => {
    const row = mx.array(logits, [1, config.nVocab]);
    if (sampled.length === 0) return filters.first(row);
    let state: ReturnType<LogitFilters['follow']>;
    for (const token of sampled) state = filters.follow(mx.array([token], [1], 'int32'), state);
    return filters.later(row, state);
  });
  const values = new Float32Array(out.toTypedArray() as Float32Array);
  mx.dispose(out);
  return values;
}

/** Noise with peaks of given heights at a text token and a timestamp. */
function logitsOf(
  seed: number,
  text: number,
  textPeak: number,
  stamp: number,
  stampPeak: number,
): Float32Array {
  let state = seed >>> 0;
  const logits = new Float32Array(config.nVocab);
  for (let i = 0; i < logits.length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    logits[i] = state / 2 ** 31 - 8;
  }
  logits[text] = textPeak;
  logits[tokenizer.special.timestampBegin + stamp] = stampPeak;
  return logits;
}

describe.each([true, false])('filters with timestamps %j', (timestamps) => {
  let filters: LogitFilters;
  beforeAll(() => {
    filters = new LogitFilters(tokenizer, config, { timestamps });
  });
  afterAll(() => filters.dispose());

  test('allow what OpenAI’s rules allow after any tokens', () => {
    const live = mx.liveArrays();
    const token = fc.oneof(
      fc.integer({ min: 0, max: 50_256 }),
      fc.integer({ min: 0, max: 1500 }).map((stamp) => 50_364 + stamp),
    );
    fc.assert(
      fc.property(
        fc.array(token, { maxLength: 6 }),
        fc.nat(),
        fc.integer({ min: 0, max: 50_257 }),
        fc.integer({ min: -6, max: 6 }),
        fc.integer({ min: 0, max: 1500 }),
        fc.integer({ min: -6, max: 6 }),
        (sampled, seed, text, textPeak, stamp, stampPeak) => {
          const logits = logitsOf(seed, text, textPeak, stamp, stampPeak);
          const got = filtered(filters, logits, sampled);
          const want = oracle(logits, sampled, timestamps);
          expect(Buffer.compare(Buffer.from(got.buffer), Buffer.from(want.buffer))).toBe(0);
        },
      ),
      { numRuns: 50 },
    );
    expect(mx.liveArrays()).toBe(live);
  });
});

describe.each([true, false])('the choice in one compiled function, with timestamps %j', (timestamps) => {
  test('equals filters, argmax and rules in sequence, with all scores', () => {
    const filters = new LogitFilters(tokenizer, config, { timestamps });
    const live = mx.liveArrays();
    const { timestampBegin } = tokenizer.special;
    const row = fc.record({
      after: fc.integer({ min: 0, max: 2 }),
      latest: fc.integer({ min: -1, max: 1500 }),
      seed: fc.nat(),
      text: fc.integer({ min: 0, max: 50_257 }),
      textPeak: fc.integer({ min: -6, max: 6 }),
      stamp: fc.integer({ min: 0, max: 1500 }),
      stampPeak: fc.integer({ min: -6, max: 6 }),
    });
    const kinds = new Set<string>();
    // The same function uncompiled: the C++ compiler would need a minute.
    jest
      .spyOn(mx, 'compile')
      .mockImplementation(((fn: (...arrays: MxArray[]) => MxArray) =>
        Object.assign(fn, { dispose: () => undefined })) as unknown as typeof mx.compile);
    fc.assert(
      fc.property(fc.array(row, { minLength: 3, maxLength: 3 }), fc.boolean(), (three, alone) => {
        const rows = alone ? three.slice(0, 1) : three;
        const [plain, compiled] = [false, true].map((compile) =>
          mx.tidy(() => {
            const logits = mx.stack(
              rows.map((one) =>
                mx.array(logitsOf(one.seed, one.text, one.textPeak, one.stamp, one.stampPeak)),
              ),
            );
            const column = (of: (one: (typeof rows)[number]) => number): MxArray =>
              mx.array(Int32Array.from(rows, of));
            const state = [column(({ after }) => after), column(({ latest }) => latest)] as const;
            const chosen = filters.choose(logits, timestamps ? state : undefined, compile);
            const allowed = filters.allowed(logits, timestamps ? state : undefined, compile);
            return {
              all: allowed.toTypedArray('float32'),
              tokens: Array.from(chosen.token.toTypedArray(), Number),
              logprobs: Array.from(chosen.logprob.toTypedArray('float32')),
              state: chosen.state?.map((array) => Array.from(array.toTypedArray(), Number)),
            };
          }),
        );
        expect({ ...compiled, logprobs: 0, all: 0 }).toEqual({ ...plain, logprobs: 0, all: 0 });
        const apart = plain?.all.findIndex((logit, i) => {
          const other = compiled?.all[i] ?? NaN;
          return logit !== other && !(Math.abs(logit - other) < 1e-4);
        });
        expect(apart).toBe(-1);
        for (const [i, logprob] of (plain?.logprobs ?? []).entries()) {
          expect(compiled?.logprobs[i]).toBeCloseTo(logprob, 4);
        }
        for (const token of plain?.tokens ?? []) kinds.add(token < timestampBegin ? 'text' : 'timestamp');
      }),
      { numRuns: 60 },
    );
    expect(kinds.size).toBe(2); // both occurred
    filters.dispose();
    expect(mx.liveArrays()).toBeLessThan(live);
    jest.restoreAllMocks();
  });
});

describe('timestamp rules by example', () => {
  const allowed = (
    sampled: number[],
  ): { text: boolean; end: boolean; stamps: [first: number, last: number] | null } => {
    const filters = new LogitFilters(tokenizer, config, { timestamps: true });
    const { timestampBegin: begin, endOfText } = tokenizer.special;
    const logits = logitsOf(1, 1000, 9, 700, -8);
    logits[endOfText] = 9;
    const out = filtered(filters, logits, sampled);
    filters.dispose();
    const open = [...out.subarray(begin).keys()].filter((i) => out[begin + i] !== -Infinity);
    return {
      text: out[1000] !== -Infinity,
      end: out[endOfText] !== -Infinity,
      stamps: open.length === 0 ? null : [open[0] ?? 0, open.at(-1) ?? 0],
    };
  };
  const at = (frames: number): number => 50_364 + frames;

  test('a transcript starts with a timestamp in the first second', () => {
    expect(allowed([])).toEqual({ text: false, end: false, stamps: [0, 50] });
  });
  test('text follows an opening timestamp', () => {
    expect(allowed([at(10)])).toEqual({ text: true, end: true, stamps: null });
  });
  test('a segment is never empty', () => {
    expect(allowed([at(10), 400])).toEqual({ text: true, end: true, stamps: [11, 1500] });
  });
  test('after a closing timestamp comes the next opening one or the end', () => {
    expect(allowed([at(10), 400, at(30)])).toEqual({ text: false, end: true, stamps: [30, 1500] });
  });
  test('text follows a pair', () => {
    expect(allowed([at(10), 400, at(30), at(40)])).toEqual({ text: true, end: true, stamps: null });
  });
});
