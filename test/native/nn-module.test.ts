import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';
import { values } from './nn-fixtures.js';

class Block extends nn.Module {
  attn_ln = new nn.LayerNorm(4);
  mlp1: nn.AnyLinear = new nn.Linear(4, 8, { bias: false });
  cross: nn.Linear | null = null;
}

class Model extends nn.Module {
  readonly dims = 4;
  readonly kernelSizes = [3, 5];
  token_embedding = new nn.Embedding(3, 4);
  blocks = [new Block(), new Block()];
  scale = nn.parameter([]);
  tables: MxArray[] = [nn.parameter([2]), nn.parameter([3])];
  _mask = nn.causalMask(2);
}

const names = [
  'token_embedding.weight',
  'blocks.0.attn_ln.weight',
  'blocks.0.attn_ln.bias',
  'blocks.0.mlp1.weight',
  'blocks.1.attn_ln.weight',
  'blocks.1.attn_ln.bias',
  'blocks.1.mlp1.weight',
  'scale',
  'tables.0',
  'tables.1',
];

/** An array of ones for every parameter of a new Model. */
const goodWeights = (): Record<string, MxArray> =>
  Object.fromEntries(
    [...new Model().namedParameters()].map(([name, { shape }]) => [name, mx.ones([...shape])]),
  );

function fault(load: () => unknown): nn.WeightsError {
  try {
    load();
  } catch (error) {
    if (error instanceof nn.WeightsError) return error;
    throw error;
  }
  throw new Error('the weights were accepted');
}

describe('a module', () => {
  test('names its parameters by their path, without buffers and plain values', () => {
    const model = new Model();
    expect([...model.namedParameters().keys()]).toEqual(names);
    expect(model.parameters()).toHaveLength(names.length);
  });

  test('names its modules, parents first', () => {
    const expected = ['', 'token_embedding', 'blocks.0', 'blocks.0.attn_ln', 'blocks.0.mlp1'];
    expect([...new Model().namedModules().keys()].slice(0, 5)).toEqual(expected);
  });

  test('starts unloaded: norms are the identity, other parameters zero', () => {
    const model = new Model();
    expect(values(model.blocks[0]?.attn_ln.weight ?? mx.array(0))).toEqual([1, 1, 1, 1]);
    expect(values(model.token_embedding.weight)).toEqual(new Array(12).fill(0));
  });

  test('lists a shared parameter once', () => {
    const layer = new nn.Linear(2, 2);
    class Tied extends nn.Module {
      a = layer;
      b = layer;
    }
    expect([...new Tied().namedParameters().keys()]).toEqual(['a.weight', 'a.bias', 'b.weight', 'b.bias']);
    expect(new Tied().parameters()).toHaveLength(2);
  });

  test('casts floating-point parameters, not buffers', () => {
    const model = new Model().toDtype('float16');
    expect(new Set(model.parameters().map(({ dtype }) => dtype))).toEqual(new Set(['float16']));
    expect(model._mask.dtype).toBe('float32');
  });
});

describe('loading', () => {
  test('accepts arrays in any order and keeps their dtype', () => {
    const model = new Model();
    const weights = goodWeights();
    const half = Object.fromEntries(
      Object.entries(weights)
        .reverse()
        .map(([name, array]) => [name, array.astype('float16')]),
    );
    model.loadWeights(half);
    const weight = model.namedParameters().get('blocks.1.mlp1.weight') ?? mx.array(0);
    expect(weight.dtype).toBe('float16');
    expect(values(weight)).toEqual(new Array(32).fill(1));
  });

  test('names a missing key', () => {
    const { ['blocks.1.mlp1.weight']: _removed, ...rest } = goodWeights();
    const error = fault(() => new Model().loadWeights(rest));
    expect(error.missing).toEqual(['blocks.1.mlp1.weight']);
    expect(error.message).toBe(
      'the record of weights does not fit the model: 1 missing: blocks.1.mlp1.weight',
    );
  });

  test('names an unexpected key', () => {
    const error = fault(() =>
      new Model().loadWeights({ ...goodWeights(), 'blocks.2.mlp1.weight': mx.ones([8, 4]) }),
    );
    expect(error.unexpected).toEqual(['blocks.2.mlp1.weight']);
    expect(error.message).toContain('1 unexpected: blocks.2.mlp1.weight');
  });

  test('names the expected and the actual shape', () => {
    const error = fault(() =>
      new Model().loadWeights({ ...goodWeights(), 'blocks.0.mlp1.weight': mx.ones([4, 8]) }),
    );
    expect(error.misshaped).toEqual([
      { name: 'blocks.0.mlp1.weight', expected: 'float [8, 4]', found: 'float32 [4, 8]' },
    ]);
    expect(error.message).toContain('blocks.0.mlp1.weight (expected float [8, 4], found float32 [4, 8])');
  });

  test('rejects integers for float parameters', () => {
    const error = fault(() =>
      new Model().loadWeights({ ...goodWeights(), scale: mx.array(1, undefined, 'int32') }),
    );
    expect(error.misshaped).toEqual([{ name: 'scale', expected: 'float []', found: 'int32 []' }]);
  });

  test('reports all mismatches at once and names the first eight of each kind', () => {
    const error = fault(() => new Model().loadWeights({ extra: mx.array(1) }));
    expect(error.missing).toEqual(names);
    expect(error.message).toContain('10 missing: token_embedding.weight');
    expect(error.message).toContain('and 2 more; 1 unexpected: extra');
  });

  test('leaves the module and the given arrays unchanged after an error', () => {
    const model = new Model();
    const weights = { ...goodWeights(), extra: mx.array(7) };
    fault(() => model.loadWeights(weights));
    expect(values(model.token_embedding.weight)).toEqual(new Array(12).fill(0));
    expect(weights['extra']?.item()).toBe(7);
  });

  test('not strict: keeps missing and ignores unexpected names, but rejects wrong shapes', () => {
    const model = new Model().loadWeights({ scale: mx.array(3), extra: mx.array(1) }, { strict: false });
    expect(model.scale.item()).toBe(3);
    const error = fault(() => model.loadWeights({ scale: mx.ones([2]) }, { strict: false }));
    expect(error.misshaped).toHaveLength(1);
  });
});

describe('loading from a file', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'sotto-nn-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('round-trips a saved file', () => {
    const path = join(folder, 'model.safetensors');
    mx.saveSafetensors(path, { ...goodWeights(), scale: mx.array(0.5) });
    const model = new Model().loadWeights(path);
    mx.eval(...model.parameters());
    expect(model.scale.item()).toBe(0.5);
  });

  test('names a file that does not fit', () => {
    const path = join(folder, 'short.safetensors');
    mx.saveSafetensors(path, { scale: mx.array(0.5) });
    expect(fault(() => new Model().loadWeights(path)).message).toContain(
      `${path} does not fit the model: 9 missing`,
    );
  });

  test('rejects a file with a bad header before MLX reads it', () => {
    expect(() => new Model().loadWeights(join(folder, 'none.safetensors'))).toThrow(
      expect.objectContaining({ code: 'SAFETENSORS_UNREADABLE' }),
    );
  });
});

describe('freeing', () => {
  const freshly = (work: () => void): number => {
    const before = mx.liveArrays();
    work();
    return mx.liveArrays() - before;
  };

  test('dispose frees parameters and buffers and may be repeated', () => {
    const left = freshly(() => {
      const model = new Model();
      model.dispose();
      model.dispose();
    });
    expect(left).toBe(0);
  });

  test('a module created inside tidy outlives it', () => {
    const left = freshly(() => {
      const slot: { linear?: nn.Linear } = {};
      mx.tidy(() => {
        slot.linear = new nn.Linear(2, 2);
      });
      expect(values(slot.linear?.weight ?? mx.array(1))).toEqual([0, 0, 0, 0]);
      slot.linear?.dispose();
    });
    expect(left).toBe(0);
  });

  test.each<[string, (path: string) => void]>([
    ['loading a record', () => new Model().loadWeights(goodAndTracked()).dispose()],
    ['loading a file', (path) => new Model().loadWeights(path).dispose()],
    [
      'loading a file that does not fit',
      (path) => disposed(new Block(), (block) => fault(() => block.loadWeights(path))),
    ],
    [
      'loading part of a file',
      (path) => disposed(new Model(), (model) => model.loadWeights(path, { strict: false })),
    ],
    ['a change of dtype', () => new Model().toDtype('float16').dispose()],
    [
      'quantize and dequantize',
      () =>
        disposed(new Wide(), (model) => {
          nn.quantize(model, { groupSize: 32, bits: 4 });
          nn.dequantize(model);
        }),
    ],
    [
      'a forward pass in tidy',
      () =>
        disposed(new Wide(), (model) => {
          const y = mx.tidy(() => model.forward(mx.array([[0, 1]], undefined, 'int32')));
          mx.eval(y);
          y.dispose();
        }),
    ],
  ])('leaks no array: %s', (_, work) => {
    const path = join(mkdtempSync(join(tmpdir(), 'sotto-nn-')), 'model.safetensors');
    const saved = goodAndTracked();
    mx.saveSafetensors(path, saved);
    mx.dispose(saved);
    expect(freshly(() => work(path))).toBe(0);
    rmSync(join(path, '..'), { recursive: true });
  });
});

/** Like goodWeights, but disposes the model that provides the shapes. */
function goodAndTracked(): Record<string, MxArray> {
  const model = new Model();
  const weights = [...model.namedParameters()].map(
    ([name, { shape }]) => [name, mx.ones([...shape])] as const,
  );
  model.dispose();
  return Object.fromEntries(weights);
}

function disposed<M extends nn.Module>(model: M, work: (model: M) => unknown): void {
  work(model);
  model.dispose();
}

class Wide extends nn.Module {
  embed: nn.AnyEmbedding = new nn.Embedding(4, 32);
  attn = new nn.MultiHeadAttention(32, 2);
  norm = new nn.GroupNorm(4, 32);
  fc: nn.AnyLinear = new nn.Linear(32, 32);

  forward(ids: MxArray): MxArray {
    const x = this.embed.forward(ids);
    const y = mx.add(x, this.attn.forward(x, x, x, { mask: nn.causalMask(2) }));
    return this.embed.asLinear(nn.gelu(this.fc.forward(this.norm.forward(y))));
  }
}

describe('trees', () => {
  test('unflatten inverts flatten', () => {
    const [a, b, c] = [mx.array(1), mx.array(2), mx.array(3)];
    const tree = { enc: [{ w: a }, { w: b, more: { x: c } }], head: c };
    const flat = nn.flatten(tree);
    expect([...flat.keys()]).toEqual(['enc.0.w', 'enc.1.w', 'enc.1.more.x', 'head']);
    expect(nn.flatten(nn.unflatten(flat))).toEqual(flat);
    expect(Array.isArray((nn.unflatten(flat) as { enc: unknown }).enc)).toBe(true);
  });

  test('keeps lists in numeric order and gaps as records', () => {
    const flat = Array.from({ length: 11 }, (_, index) => [`l.${index}`, mx.array(index)] as const);
    const tree = nn.unflatten(flat.reverse()) as { l: MxArray[] };
    expect(tree.l.map((array) => array.item())).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(Array.isArray((nn.unflatten([['l.1', mx.array(0)]]) as { l: unknown }).l)).toBe(false);
  });

  test('rejects a name that continues below an array', () => {
    expect(() =>
      nn.unflatten([
        ['a', mx.array(0)],
        ['a.b', mx.array(0)],
      ]),
    ).toThrow('"a.b"');
    expect(() =>
      nn.unflatten([
        ['a.b', mx.array(0)],
        ['a', mx.array(0)],
      ]),
    ).toThrow('"a"');
  });
});
