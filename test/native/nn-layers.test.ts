import { describe, expect, test } from '@jest/globals';
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';
import { expectClose, Fixture, fixtureNames, values } from './nn-fixtures.js';

describe('layers match mlx.nn', () => {
  test.each(fixtureNames('linear'))('%s', (name) => {
    const fixture = new Fixture(name);
    const layer = new nn.Linear(8, 5, fixture.options()).loadWeights(fixture.weights());
    fixture.expectOutput('y', layer.forward(fixture.input('x')));
  });

  test('embedding, forward and as the tied output layer', () => {
    const fixture = new Fixture('embedding');
    const layer = new nn.Embedding(7, 8).loadWeights(fixture.weights());
    fixture.expectOutput('y', layer.forward(fixture.input('ids')));
    fixture.expectOutput('logits', layer.asLinear(fixture.input('x')));
  });

  test.each(fixtureNames('conv1d'))('%s', (name) => {
    const fixture = new Fixture(name);
    const layer = new nn.Conv1d(4, 6, 3, fixture.options()).loadWeights(fixture.weights());
    fixture.expectOutput('y', layer.forward(fixture.input('x')));
  });

  test.each(fixtureNames('convTranspose1d'))('%s', (name) => {
    const fixture = new Fixture(name);
    const layer = new nn.ConvTranspose1d(4, 3, 3, fixture.options()).loadWeights(fixture.weights());
    fixture.expectOutput('y', layer.forward(fixture.input('x')));
  });

  test.each(fixtureNames('conv2d'))('%s', (name) => {
    const fixture = new Fixture(name);
    const layer = new nn.Conv2d(2, 3, [3, 2], fixture.options()).loadWeights(fixture.weights());
    fixture.expectOutput('y', layer.forward(fixture.input('x')));
  });

  test.each(fixtureNames('layerNorm'))('%s', (name) => {
    const fixture = new Fixture(name);
    const layer = new nn.LayerNorm(8, fixture.options()).loadWeights(fixture.weights());
    fixture.expectOutput('y', layer.forward(fixture.input('x')));
  });

  test('rmsNorm', () => {
    const fixture = new Fixture('rmsNorm');
    const layer = new nn.RMSNorm(8).loadWeights(fixture.weights());
    fixture.expectOutput('y', layer.forward(fixture.input('x')));
  });

  test('groupNorm', () => {
    const fixture = new Fixture('groupNorm');
    const layer = new nn.GroupNorm(2, 8).loadWeights(fixture.weights());
    fixture.expectOutput('y', layer.forward(fixture.input('x')));
  });

  test.each(fixtureNames('rope'))('%s', (name) => {
    const fixture = new Fixture(name);
    const layer = new nn.RoPE(8, fixture.options());
    fixture.expectOutput('y', layer.forward(fixture.input('x')));
    fixture.expectOutput('later', layer.forward(fixture.input('x'), 40));
  });

  test('sinusoids', () => {
    const fixture = new Fixture('sinusoids');
    fixture.expectOutput('y', nn.sinusoids(30, 8));
    fixture.expectOutput('end', mx.slice(nn.sinusoids(1500, 8), [1498, 0], [1500, 8]), 2e-4); // sin(1499), float32
  });
});

describe('activations match mlx.nn and keep the dtype', () => {
  const functions = {
    gelu: nn.gelu,
    geluApprox: nn.geluApprox,
    silu: nn.silu,
    relu: nn.relu,
    leakyRelu: nn.leakyRelu,
    sigmoid: nn.sigmoid,
    tanh: nn.tanh,
    softmax: (x: MxArray) => nn.softmax(x),
    logSoftmax: (x: MxArray) => nn.logSoftmax(x),
  };
  for (const dtype of ['float32', 'float16'] as const) {
    test.each(Object.entries(functions))(`%s ${dtype}`, (name, activation) => {
      const fixture = new Fixture(`activations ${dtype}`);
      fixture.expectOutput(name, activation(fixture.input('x')), dtype === 'float16' ? 2e-3 : 2e-6);
    });
  }

  test('glu', () => {
    const fixture = new Fixture('glu');
    fixture.expectOutput('y', nn.glu(fixture.input('x')));
  });

  test('glu rejects an odd axis', () => {
    expect(() => nn.glu(mx.zeros([2, 3]))).toThrow();
  });
});

describe('attention', () => {
  const fixture = new Fixture('attention');
  const layer = () => new nn.MultiHeadAttention(16, 4, { bias: true }).loadWeights(fixture.weights());
  const [q, kv] = [fixture.input('q'), fixture.input('kv')];

  test('without a mask', () => {
    fixture.expectOutput('plain', layer().forward(q, kv, kv));
  });

  test.each(['additive', 'boolean'])('with an %s mask', (name) => {
    const mask = fixture.input(name);
    expect(mask.dtype).toBe(name === 'boolean' ? 'bool' : 'float32');
    fixture.expectOutput(name, layer().forward(q, kv, kv, { mask }));
  });

  test('causal, also with more keys than queries', () => {
    fixture.expectOutput('causal', layer().forward(q, kv, kv, { mask: 'causal' }));
    fixture.expectOutput('self', layer().forward(kv, kv, kv, { mask: 'causal' }));
  });

  test('the additive causal mask equals "causal"', () => {
    fixture.expectOutput('masked', layer().forward(kv, kv, kv, { mask: nn.causalMask(6) }));
    expect(values(nn.causalMask(2, 'float16'))).toEqual([0, -Infinity, 0, 0]);
  });

  test('with fewer key heads than query heads and a custom scale', () => {
    const grouped = new Fixture('grouped queries');
    const [queries, keys, heads] = [grouped.input('q'), grouped.input('k'), grouped.input('v')];
    grouped.expectOutput('y', nn.attend(queries, keys, heads, grouped.options()));
  });

  test('mergeHeads inverts splitHeads', () => {
    const x = mx.reshape(mx.arange(48), [2, 3, 8]);
    expect([...nn.splitHeads(x, 4).shape]).toEqual([2, 4, 3, 2]);
    expectClose(values(nn.mergeHeads(nn.splitHeads(x, 4))), values(x), 0);
  });

  test('rejects heads that do not divide the dims', () => {
    expect(() => nn.splitHeads(mx.zeros([1, 2, 10]), 4)).toThrow('10 dims do not divide into 4 heads');
    expect(() => new nn.MultiHeadAttention(10, 4)).toThrow('10 dims do not divide into 4 heads');
  });
});
