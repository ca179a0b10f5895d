import { describe, expect, test } from '@jest/globals';
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';
import { expectClose, Fixture, fixtureNames, values } from './nn-fixtures.js';

const shared = new Fixture('quantized inputs');
const matrix = () => shared.input('matrix'); // [6, 128]

class Pair extends nn.Module {
  embed: nn.AnyEmbedding = new nn.Embedding(6, 128);
  layers = [new Block(), new Block()];
  norm = new nn.LayerNorm(128);
}

class Block extends nn.Module {
  proj: nn.AnyLinear = new nn.Linear(128, 128);
  gate: nn.AnyLinear = new nn.Linear(128, 6, { bias: false });
}

describe('quantized layers match mlx.nn', () => {
  test.each(fixtureNames('quantized ').filter((name) => name !== 'quantized inputs'))('%s', (name) => {
    const fixture = new Fixture(name);
    const plain = new nn.Linear(128, 6).loadWeights({ weight: matrix(), bias: shared.input('bias') });
    const linear = nn.QuantizedLinear.from(plain, fixture.options());
    fixture.expectOutput(
      'words',
      mx.reshape(mx.slice(linear.weight, [0, 0], [1, linear.weight.shape[1] ?? 0]), [-1]),
      0,
    );
    fixture.expectOutput('scales', linear.scales, 1e-7);
    fixture.expectOutput('y', linear.forward(shared.input('x')));

    const table = new nn.Embedding(6, 128).loadWeights({ weight: matrix() });
    const embedding = nn.QuantizedEmbedding.from(table, fixture.options());
    const rows = embedding.forward(shared.input('ids')); // [1, 2, 128]
    fixture.expectOutput('rows', mx.slice(rows, [0, 0, 0], [1, 2, 8]));
    fixture.expectOutput('logits', embedding.asLinear(shared.input('x')));
  });
});

describe('quantize', () => {
  test('replaces only linear and embedding layers, also in lists', () => {
    const model = new Pair();
    const replaced = nn.quantize(model, { groupSize: 32, bits: 8 });
    expect(replaced).toEqual(['embed', 'layers.0.proj', 'layers.0.gate', 'layers.1.proj', 'layers.1.gate']);
    expect(model.embed).toBeInstanceOf(nn.QuantizedEmbedding);
    expect(model.norm).toBeInstanceOf(nn.LayerNorm);
    expect([...model.namedParameters().keys()].filter((name) => name.startsWith('layers.0'))).toEqual([
      'layers.0.proj.weight',
      'layers.0.proj.scales',
      'layers.0.proj.biases',
      'layers.0.proj.bias',
      'layers.0.gate.weight',
      'layers.0.gate.scales',
      'layers.0.gate.biases',
    ]);
  });

  test('uses the predicate, which may set the bits of a layer', () => {
    const model = new Pair();
    const predicate: nn.QuantizePredicate = (name, layer) =>
      layer instanceof nn.Linear && (name.endsWith('gate') ? { bits: 8 } : name.startsWith('layers.1'));
    expect(nn.quantize(model, { bits: 4, predicate })).toEqual([
      'layers.0.gate',
      'layers.1.proj',
      'layers.1.gate',
    ]);
    const bits = [...model.namedModules()].flatMap(([name, layer]) =>
      layer instanceof nn.QuantizedLinear ? [[name, layer.bits, layer.groupSize]] : [],
    );
    expect(bits).toEqual([
      ['layers.0.gate', 8, 64],
      ['layers.1.proj', 4, 64],
      ['layers.1.gate', 8, 64],
    ]);
  });

  test('quantizes on loading exactly the layers with stored scales and reports mismatches', () => {
    const source = new Pair();
    nn.quantize(source, { groupSize: 32, bits: 6, predicate: (name) => name === 'layers.1.proj' });
    const stored = source.namedParameters();
    const model = new Pair();
    expect(nn.quantize(model, { groupSize: 32, bits: 6, predicate: nn.storedQuantized(stored) })).toEqual([
      'layers.1.proj',
    ]);
    const other = new Pair();
    nn.quantize(other, { groupSize: 32, bits: 4, predicate: nn.storedQuantized(stored) });
    expect(() => other.loadWeights(stored)).toThrow(
      'layers.1.proj.weight (expected uint32 [128, 16], found uint32 [128, 24])',
    );
    model.loadWeights(stored);
  });

  test('names a layer whose width is not a multiple of the group size', () => {
    class Odd extends nn.Module {
      narrow: nn.AnyLinear = new nn.Linear(80, 4);
    }
    expect(() => nn.quantize(new Odd())).toThrow(/cannot quantize narrow: 80 columns .* groups of 64/);
  });

  test('names the layer if MLX lacks the format, and leaks nothing', () => {
    const model = new Block();
    const live = mx.liveArrays();
    expect(() => nn.quantize(model, { bits: 7 })).toThrow(/cannot quantize proj: .*quantize/);
    expect(mx.liveArrays()).toBe(live);
    expect(model.proj).toBeInstanceOf(nn.Linear);
  });

  test('replaces a shared layer by one shared layer', () => {
    class Tied extends nn.Module {
      embed: nn.AnyEmbedding = new nn.Embedding(6, 64);
      head: nn.AnyEmbedding = this.embed;
    }
    const model = new Tied();
    expect(nn.quantize(model)).toEqual(['embed']);
    expect(model.head).toBe(model.embed);
  });

  test('keeps quantized weights when the dtype changes', () => {
    const layer = nn.QuantizedLinear.from(new nn.Linear(128, 6)).toDtype('float16');
    expect([layer.weight.dtype, layer.scales.dtype, layer.biases?.dtype, layer.bias?.dtype]).toEqual([
      'uint32',
      'float16',
      'float16',
      'float16',
    ]);
  });
});

describe('dequantize', () => {
  test.each([2, 3, 4, 5, 6, 8])('gives dense layers with the same outputs at %i bits', (bits) => {
    const model = new Pair();
    model.loadWeights(randomWeights(model));
    nn.quantize(model, { groupSize: 32, bits });
    const block = model.layers[1];
    if (!(block instanceof Block) || !(block.proj instanceof nn.QuantizedLinear))
      throw new Error('not quantized');
    const x = shared.input('x');
    const ids = shared.input('ids');
    const before = [
      block.proj.forward(x),
      block.gate.forward(x),
      model.embed.asLinear(x),
      model.embed.forward(ids),
    ].map(values);
    const bias = values(block.proj.bias ?? mx.array(0));

    expect(nn.dequantize(model, 'float32')).toHaveLength(5);
    expect([...model.namedParameters().keys()]).toEqual([...new Pair().namedParameters().keys()]);
    const after = [
      block.proj.forward(x),
      block.gate.forward(x),
      model.embed.asLinear(x),
      model.embed.forward(ids),
    ].map(values);
    before.forEach((expected, index) => expectClose(after[index] ?? [], expected, 1e-4));
    expect(values(new Map(model.namedParameters()).get('layers.1.proj.bias') ?? mx.array(0))).toEqual(bias);
  });

  test('gives the requested dtype for scales of any dtype', () => {
    const model = new Pair();
    nn.quantize(model);
    model.toDtype('float16');
    nn.dequantize(model, 'float32');
    expect(model.namedParameters().get('embed.weight')?.dtype).toBe('float32');
  });
});

function randomWeights(model: nn.Module): Map<string, MxArray> {
  const weights = [...model.namedParameters()].map(
    ([name, { shape }]) => [name, mx.random.normal([...shape])] as const,
  );
  return new Map(weights);
}
