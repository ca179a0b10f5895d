import { describe, expect, test } from '@jest/globals';
import { mx } from '#native/index.js';
import { bytesRead, groupOps, markdownProfile, tokenBudget, type Profile } from './report.js';
import { crossFlop, encoderFlop, tokenNumbers } from '#daemon/models/whisper/memory/flop.js';
import { stageOf } from './stages.js';
import { type OpRun, type StageCost, watchCalls, watchOps } from './watch.js';

const BASE = { nMels: 80, nVocab: 51865, nAudioState: 512, nAudioLayer: 6, nTextState: 512, nTextLayer: 6 };

async function work(): Promise<void> {
  const y = mx.tidy(() =>
    mx.add(mx.matmul(mx.ones([4, 3]), mx.ones([3, 2])), mx.fast.layerNorm(mx.ones([4, 2]), null, null, 1e-5)),
  );
  mx.asyncEval(y);
  await mx.ready(y);
  expect(mx.sum(y).item()).toBe(24);
  y.dispose();
}

describe('instrumentation', () => {
  test('records every op once with its operands and keeps the result', async () => {
    const runs = await watchOps(() => 'here', work);
    expect(runs.map(({ op }) => op)).toEqual([
      'ones',
      'ones',
      'matmul',
      'ones',
      'fast.layerNorm',
      'add',
      'sum',
    ]);
    const product = runs.find(({ op }) => op === 'matmul');
    expect(product).toMatchObject({
      operands: 'float32[4,3] float32[3,2]',
      stage: 'here',
      bytesIn: 72,
      bytesOut: 32,
    });
  });

  test('counts and times calls by stage', async () => {
    const stages = await watchCalls(() => 'here', work);
    expect(stages.get('here')).toMatchObject({ scopes: 1, ops: 7, queued: 1, waits: 1, reads: 1 });
  });

  test('restores mx, also if the work fails', async () => {
    const before = { ...mx };
    const item = Object.getOwnPropertyDescriptor(mx.MxArray.prototype, 'item')?.value as unknown;
    const fail = () => Promise.reject(new Error('on purpose'));
    await expect(watchOps(() => '', fail)).rejects.toThrow('on purpose');
    await expect(watchCalls(() => '', fail)).rejects.toThrow('on purpose');
    expect(Object.keys(before).filter((name) => Reflect.get(before, name) !== Reflect.get(mx, name))).toEqual(
      [],
    );
    expect(Object.getOwnPropertyDescriptor(mx.MxArray.prototype, 'item')?.value).toBe(item);
  });
});

describe('stages', () => {
  test.each([
    [
      'at sample (file:///dist/daemon/src/models/whisper/decode/decode.js:1)\nat laterStep (decode.js:2)',
      'sampling',
    ],
    ['at forward (model.js)\nat laterStep (file:///whisper/decode.js:1)', 'token'],
    ['at forward (model.js)\nat firstStep (file:///whisper/decode.js:1)', 'prefill'],
    ['at a.renamed (file:///whisper/decode.js:1)', 'decoding, other'],
    [
      'at DecoderBlock.crossKeysValues (model.js)\nat encode (file:///whisper/encode.js:1)',
      'cross keys, values',
    ],
    ['at forward (model.js)\nat async encode (file:///whisper/encode.js:1)', 'encoder'],
    ['at fill (file:///daemon/src/audio/mel/mel.js:1)', 'mel'],
    ['at elsewhere (x.js)', 'other'],
  ])('%j is %s', (stack, stage) => {
    expect(stageOf(stack)).toBe(stage);
  });
});

describe('Whisper base needs', () => {
  test('this much compute per window', () => {
    expect(encoderFlop(BASE, 1500) / 1e9).toBeCloseTo(87.4, 1);
    expect(crossFlop(BASE, 1500) / 1e9).toBeCloseTo(9.4, 1);
  });

  test('this much memory bandwidth per token', () => {
    const { layers, output, memory } = tokenNumbers(BASE, 1500);
    expect([layers, output, memory].map((n) => Math.round(n / 1e5) / 10)).toEqual([22, 26.6, 9.2]);
  });
});

describe('the report', () => {
  const op = (name: string, stage: string, ms: number, bytesIn = 1000): OpRun => ({
    op: name,
    operands: 'float32[2]',
    stage,
    ms,
    bytesIn,
    bytesOut: 8,
  });
  const cost: StageCost = {
    ...{ scopes: 4, buildMs: 2, ops: 40, bindingMs: 1.2 },
    ...{ queued: 4, queueMs: 1, waits: 4, waitMs: 20, reads: 8 },
  };
  const ops = [
    op('linear', 'token', 3),
    op('linear', 'token', 2),
    op('take', 'token', 1),
    op('mel', 'mel', 9),
  ];

  test('groups equal ops, the most expensive first', () => {
    expect(groupOps(ops, ['token'])).toEqual([
      { op: 'linear', operands: 'float32[2]', calls: 2, ms: 5 },
      { op: 'take', operands: 'float32[2]', calls: 1, ms: 1 },
    ]);
  });

  test('does not count partial reads of a table', () => {
    expect(bytesRead(ops, ['token'])).toBe(2000);
  });

  const profile: Profile = {
    about: { commit: 'abc1234', machine: 'two cores', date: '2025-01-01', model: 'base', settings: 'as is' },
    readMsPerMinute: 50,
    window: { melMs: 10, encodeMs: 500, calls: {}, ops },
    token: { tokens: 3, decodeMs: 40, ms: 5, calls: { token: cost }, ops },
    machine: { readGbPerSecond: { one: 20, all: 40 }, products: [{ name: 'best', gflops: 200 }] },
    required: { encoderFlop: 80e9, crossFlop: 10e9, tokenNumbers: { layers: 1e6, output: 1e6, memory: 2e6 } },
  };

  test('divides the JavaScript cost by the steps', () => {
    expect(tokenBudget(profile.token)).toMatchObject({ steps: 4, ops: 10, buildMs: 0.5, waits: 1, reads: 2 });
  });

  test('compares the encoder with the best product', () => {
    const text = markdownProfile(profile);
    expect(text).toContain('abc1234');
    expect(text).toMatch(/450 ms at 200 GFLOP\/s \(best\).*500 ms, 180 GFLOP\/s.*90 %/);
    expect(text).not.toMatch(/NaN|undefined/);
  });
});
