/** Generated arguments of ops, valid or not: by the parameter's name, as plain data. */
import fc from 'fast-check';
import { mx, type MxArray, type Dtype } from '#native/index.js';

/** Recipe of an argument. Plain data, so that the last call of a crashed process can be printed. */
export type Hostile =
  | { kind: 'array'; shape: number[]; dtype: Dtype; layout: 'plain' | 'lazy' | 'transposed' | 'broadcast' }
  | { kind: 'positions'; values: number[]; dtype: Dtype; lazy: boolean }
  | { kind: 'arrays'; items: Hostile[] }
  | { kind: 'data'; elements: number }
  | { kind: 'plain'; value: unknown };

const LARGE = [65_536, 2 ** 20, 2 ** 30, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 53, 1e300, Infinity];
const WHOLE = fc.constantFrom(0, 1, 2, 3, 4, 5, 7, -1, -2, -5);
const NUMBER = fc.oneof(
  { weight: 4, arbitrary: WHOLE },
  {
    weight: 1,
    arbitrary: fc.constantFrom(...LARGE, ...LARGE.map((value) => -value), NaN, 0.5, -0),
  },
);
const NUMBERS = fc.array(NUMBER, { maxLength: 5 });
const DTYPES: Dtype[] = ['float32', 'int32', 'uint32', 'uint8', 'bool', 'float16', 'int64', 'complex64'];
const DTYPE = fc.constantFrom(...DTYPES);

const SHAPES = [
  [],
  [0],
  [1],
  [3],
  [4],
  [2, 3],
  [3, 3],
  [4, 4],
  [0, 3],
  [2, 3, 4],
  [1, 4, 4],
  [1, 2, 3, 4],
  [2, 64],
];
const ARRAY: fc.Arbitrary<Hostile> = fc.record({
  kind: fc.constant('array' as const),
  shape: fc.constantFrom(...SHAPES),
  dtype: fc.oneof({ weight: 3, arbitrary: fc.constant<Dtype>('float32') }, { weight: 2, arbitrary: DTYPE }),
  layout: fc.constantFrom('plain' as const, 'lazy' as const, 'transposed' as const, 'broadcast' as const),
});
const POSITIONS: fc.Arbitrary<Hostile> = fc.record({
  kind: fc.constant('positions' as const),
  values: fc.array(fc.constantFrom(0, 1, 2, -1, 3, 127, -128, 1e9, -1e9, 2 ** 31 - 1, -(2 ** 31)), {
    maxLength: 4,
  }),
  dtype: fc.constantFrom<Dtype>('int32', 'uint32', 'int64', 'int8', 'uint8'),
  lazy: fc.boolean(),
});
const ARRAYS: fc.Arbitrary<Hostile> = fc.record({
  kind: fc.constant('arrays' as const),
  items: fc.array(fc.oneof(ARRAY, POSITIONS), { maxLength: 3 }),
});
const DATA: fc.Arbitrary<Hostile> = fc.record({
  kind: fc.constant('data' as const),
  elements: fc.constantFrom(0, 1, 6),
});
const plain = (value: fc.Arbitrary<unknown>): fc.Arbitrary<Hostile> =>
  value.map((one) => ({ kind: 'plain', value: one }));
const WORD = plain(
  fc.constantFrom('', 'constant', 'edge', 'affine', 'mxfp4', 'nvfp4', 'xy', 'same', 'left', 'ij,jk', 'i->ii'),
);
const ANY = fc.oneof(
  ARRAY,
  POSITIONS,
  ARRAYS,
  DATA,
  plain(fc.oneof(NUMBER, NUMBERS, fc.array(NUMBERS, { maxLength: 3 }), fc.boolean())),
  WORD,
  plain(fc.constantFrom(null, undefined, 3n, 2n ** 70n, {}, 'float32')),
);

const ARRAY_NAMES =
  /^(a|b|c|x|y|v|q|k|w|wh|p|array|input|weight|weights|condition|mask|src|update|updates|values|scales|biases|bias|mean|cov|low|high|lower|logits|gates|state|keys|qkv|kv|panels|sinks|freqs|gamma|beta|key|window|stftMatrix|sortedSequence|inputs|memoryKeys|memoryValues|normWeight|normBias|residual|initialState|maskOut|maskLhs|maskRhs|vals|arr)$/;
const POSITION_NAMES =
  /^(indices|lhsIndices|rhsIndices|segments|targets|ids|start|offset|indicesOrSections)$/;
const LIST_NAMES =
  /^(shape|axes|axis|strides|stop|reps|padWidth|shift|sliceSizes|stride|padding|dilation|outputPadding|kernelDilation|inputDilation|shapes)$/;

/** Arguments for a parameter of this name; one in eight has a different type. */
export function argumentFor(name: string): fc.Arbitrary<Hostile> {
  let sensible: fc.Arbitrary<Hostile> = plain(NUMBER);
  if (name === 'data') sensible = fc.oneof(DATA, plain(NUMBERS), plain(fc.array(NUMBERS, { maxLength: 3 })));
  else if (name === 'dtype') sensible = plain(DTYPE);
  else if (/^(arrays|operands|matrices|dependencies)$/.test(name)) sensible = ARRAYS;
  else if (POSITION_NAMES.test(name)) sensible = fc.oneof(POSITIONS, plain(NUMBERS), ARRAYS, plain(NUMBER));
  else if (LIST_NAMES.test(name))
    sensible = fc.oneof(plain(NUMBERS), plain(NUMBER), plain(fc.constant(undefined)));
  else if (ARRAY_NAMES.test(name))
    sensible = fc.oneof({ weight: 4, arbitrary: ARRAY }, { weight: 1, arbitrary: plain(NUMBER) });
  // A transform of 2^30 samples is valid, but takes too long for a test.
  else if (/^(n|m|s|num|nFft|winLength|length)$/.test(name))
    sensible = plain(NUMBER.filter((amount) => !(amount >= 65_536 && amount < 2 ** 31)));
  else if (/^(mode|padMode|indexing|side|uplo|subscripts|norm|ord)$/.test(name)) sensible = WORD;
  return fc.oneof({ weight: 7, arbitrary: sensible }, { weight: 1, arbitrary: ANY });
}

/** Builds the argument. Arrays belong to the caller's scope. */
export function make(hostile: Hostile): unknown {
  switch (hostile.kind) {
    case 'plain':
      return hostile.value;
    case 'data':
      return Float32Array.from({ length: hostile.elements }, (_, i) => i);
    case 'arrays':
      return hostile.items.map(make);
    case 'positions': {
      const positions = mx.array(Int32Array.from(hostile.values)).astype(hostile.dtype);
      if (!hostile.lazy) mx.eval(positions);
      return positions;
    }
    case 'array':
      return makeArray(hostile);
  }
}

function makeArray({ shape, dtype, layout }: Extract<Hostile, { kind: 'array' }>): MxArray {
  if (layout === 'broadcast') return mx.broadcastTo(mx.array(1).astype(dtype), shape);
  const size = shape.reduce((product, length) => product * length, 1);
  const array = mx
    .array(
      Float32Array.from({ length: size }, (_, i) => (i % 7) - 2),
      shape,
    )
    .astype(dtype);
  if (layout === 'transposed') return mx.transpose(array);
  if (layout === 'plain') mx.eval(array);
  return array;
}
