import type { MxArray, StreamOption, Operand } from './types.js';

/** Elementwise ops. Two operands are broadcast and their dtypes promoted, as in NumPy. */
export interface Elementwise {
  abs(a: Operand, options?: StreamOption): MxArray;
  /** Radians. */
  arccos(a: Operand, options?: StreamOption): MxArray;
  arccosh(a: Operand, options?: StreamOption): MxArray;
  /** Radians. */
  arcsin(a: Operand, options?: StreamOption): MxArray;
  arcsinh(a: Operand, options?: StreamOption): MxArray;
  /** Radians. */
  arctan(a: Operand, options?: StreamOption): MxArray;
  arctanh(a: Operand, options?: StreamOption): MxArray;
  /** Bitwise NOT. */
  bitwiseInvert(a: Operand, options?: StreamOption): MxArray;
  ceil(a: Operand, options?: StreamOption): MxArray;
  conjugate(a: Operand, options?: StreamOption): MxArray;
  conj(a: Operand, options?: StreamOption): MxArray;
  /** Of radians. */
  cos(a: Operand, options?: StreamOption): MxArray;
  cosh(a: Operand, options?: StreamOption): MxArray;
  degrees(a: Operand, options?: StreamOption): MxArray;
  erf(a: Operand, options?: StreamOption): MxArray;
  erfinv(a: Operand, options?: StreamOption): MxArray;
  exp(a: Operand, options?: StreamOption): MxArray;
  /** exp(a) − 1, exact near 0. */
  expm1(a: Operand, options?: StreamOption): MxArray;
  floor(a: Operand, options?: StreamOption): MxArray;
  imag(a: Operand, options?: StreamOption): MxArray;
  /** bool: neither infinite nor NaN. */
  isfinite(a: Operand, options?: StreamOption): MxArray;
  /** bool: ±Infinity. */
  isinf(a: Operand, options?: StreamOption): MxArray;
  /** bool: NaN. */
  isnan(a: Operand, options?: StreamOption): MxArray;
  /** bool: −Infinity. */
  isneginf(a: Operand, options?: StreamOption): MxArray;
  /** bool: +Infinity. */
  isposinf(a: Operand, options?: StreamOption): MxArray;
  /** Natural logarithm. */
  log(a: Operand, options?: StreamOption): MxArray;
  log10(a: Operand, options?: StreamOption): MxArray;
  /** log(1 + a), exact near 0. */
  log1p(a: Operand, options?: StreamOption): MxArray;
  log2(a: Operand, options?: StreamOption): MxArray;
  /** bool: a is zero. */
  logicalNot(a: Operand, options?: StreamOption): MxArray;
  negative(a: Operand, options?: StreamOption): MxArray;
  /** A copy of a. */
  positive(a: Operand, options?: StreamOption): MxArray;
  radians(a: Operand, options?: StreamOption): MxArray;
  real(a: Operand, options?: StreamOption): MxArray;
  reciprocal(a: Operand, options?: StreamOption): MxArray;
  /** 1 / √a. */
  rsqrt(a: Operand, options?: StreamOption): MxArray;
  /** 1 / (1 + exp(−a)). */
  sigmoid(a: Operand, options?: StreamOption): MxArray;
  /** −1, 0 or 1. */
  sign(a: Operand, options?: StreamOption): MxArray;
  /** Of radians. */
  sin(a: Operand, options?: StreamOption): MxArray;
  sinh(a: Operand, options?: StreamOption): MxArray;
  sqrt(a: Operand, options?: StreamOption): MxArray;
  square(a: Operand, options?: StreamOption): MxArray;
  /** a, as a constant to transformations. */
  stopGradient(a: Operand, options?: StreamOption): MxArray;
  /** Of radians. */
  tan(a: Operand, options?: StreamOption): MxArray;
  tanh(a: Operand, options?: StreamOption): MxArray;
  /** Rounds toward zero. */
  trunc(a: Operand, options?: StreamOption): MxArray;
  /** To `decimals` places (default 0), halves to even. */
  round(a: Operand, decimals?: number, options?: StreamOption): MxArray;

  /** a + b. */
  add(a: Operand, b: Operand, options?: StreamOption): MxArray;
  /** The angle of the point (b, a), in radians. */
  arctan2(a: Operand, b: Operand, options?: StreamOption): MxArray;
  /** a & b. */
  bitwiseAnd(a: Operand, b: Operand, options?: StreamOption): MxArray;
  /** a | b. */
  bitwiseOr(a: Operand, b: Operand, options?: StreamOption): MxArray;
  /** a ^ b. */
  bitwiseXor(a: Operand, b: Operand, options?: StreamOption): MxArray;
  /** a / b, always a float. */
  divide(a: Operand, b: Operand, options?: StreamOption): MxArray;
  /** bool: a = b. */
  equal(a: Operand, b: Operand, options?: StreamOption): MxArray;
  /** ⌊a / b⌋. */
  floorDivide(a: Operand, b: Operand, options?: StreamOption): MxArray;
  /** bool: a > b. */
  greater(a: Operand, b: Operand, options?: StreamOption): MxArray;
  /** bool: a ≥ b. */
  greaterEqual(a: Operand, b: Operand, options?: StreamOption): MxArray;
  /** a << b. */
  leftShift(a: Operand, b: Operand, options?: StreamOption): MxArray;
  /** bool: a < b. */
  less(a: Operand, b: Operand, options?: StreamOption): MxArray;
  /** bool: a ≤ b. */
  lessEqual(a: Operand, b: Operand, options?: StreamOption): MxArray;
  /** log(exp(a) + exp(b)), without overflow. */
  logaddexp(a: Operand, b: Operand, options?: StreamOption): MxArray;
  /** bool: both non-zero. */
  logicalAnd(a: Operand, b: Operand, options?: StreamOption): MxArray;
  /** bool: either non-zero. */
  logicalOr(a: Operand, b: Operand, options?: StreamOption): MxArray;
  /** bool: exactly one non-zero. */
  logicalXor(a: Operand, b: Operand, options?: StreamOption): MxArray;
  /** The larger; NaN wins. */
  maximum(a: Operand, b: Operand, options?: StreamOption): MxArray;
  /** The smaller; NaN wins. */
  minimum(a: Operand, b: Operand, options?: StreamOption): MxArray;
  /** a · b. */
  multiply(a: Operand, b: Operand, options?: StreamOption): MxArray;
  /** bool: a ≠ b. */
  notEqual(a: Operand, b: Operand, options?: StreamOption): MxArray;
  /** a to the power of b. */
  power(a: Operand, b: Operand, options?: StreamOption): MxArray;
  /** The remainder with the sign of b. */
  remainder(a: Operand, b: Operand, options?: StreamOption): MxArray;
  /** a >> b. */
  rightShift(a: Operand, b: Operand, options?: StreamOption): MxArray;
  /** a − b. */
  subtract(a: Operand, b: Operand, options?: StreamOption): MxArray;
  /** [⌊a / b⌋, the remainder]. */
  divmod(a: Operand, b: Operand, options?: StreamOption): [MxArray, MxArray];
  /** bool scalar: |a − b| ≤ atol (1e-8) + rtol (1e-5) · |b| everywhere. */
  allclose(
    a: Operand,
    b: Operand,
    rtol?: number,
    atol?: number,
    options?: StreamOption & { equalNan?: boolean },
  ): MxArray;
  /** As `allClose`, element by element. */
  isclose(
    a: Operand,
    b: Operand,
    rtol?: number,
    atol?: number,
    options?: StreamOption & { equalNan?: boolean },
  ): MxArray;
  /** bool scalar: same shape and same values; dtypes may differ. */
  arrayEqual(a: Operand, b: Operand, equalNan?: boolean, options?: StreamOption): MxArray;
  /** x where the condition holds, y elsewhere; all three are broadcast. */
  where(condition: Operand, x: Operand, y: Operand, options?: StreamOption): MxArray;
  /** Limits to [aMin, aMax]; null or omitted means no limit. */
  clip(a: Operand, aMin?: Operand | null, aMax?: Operand | null, options?: StreamOption): MxArray;
  /** NaN becomes `nan` (0), infinities the given numbers (the dtype's largest and smallest). */
  nanToNum(
    a: Operand,
    nan?: number,
    posinf?: number | null,
    neginf?: number | null,
    options?: StreamOption,
  ): MxArray;
}
