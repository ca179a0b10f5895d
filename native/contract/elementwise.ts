import type { MxArray, StreamOption, Operand } from './types.js';

/** Element by element. Two operands are broadcast against each other as in NumPy, and their dtypes promoted. */
export interface Elementwise {
  /** |a|. */
  abs(a: Operand, options?: StreamOption): MxArray;
  /** Inverse cosine, in radians. */
  arccos(a: Operand, options?: StreamOption): MxArray;
  /** Inverse hyperbolic cosine. */
  arccosh(a: Operand, options?: StreamOption): MxArray;
  /** Inverse sine, in radians. */
  arcsin(a: Operand, options?: StreamOption): MxArray;
  /** Inverse hyperbolic sine. */
  arcsinh(a: Operand, options?: StreamOption): MxArray;
  /** Inverse tangent, in radians. */
  arctan(a: Operand, options?: StreamOption): MxArray;
  /** Inverse hyperbolic tangent. */
  arctanh(a: Operand, options?: StreamOption): MxArray;
  /** Every bit the other way. */
  bitwiseInvert(a: Operand, options?: StreamOption): MxArray;
  /** The next whole number above. */
  ceil(a: Operand, options?: StreamOption): MxArray;
  /** Complex conjugate. */
  conjugate(a: Operand, options?: StreamOption): MxArray;
  /** Complex conjugate. */
  conj(a: Operand, options?: StreamOption): MxArray;
  /** Cosine of radians. */
  cos(a: Operand, options?: StreamOption): MxArray;
  /** Hyperbolic cosine. */
  cosh(a: Operand, options?: StreamOption): MxArray;
  /** Radians to degrees. */
  degrees(a: Operand, options?: StreamOption): MxArray;
  /** Error function. */
  erf(a: Operand, options?: StreamOption): MxArray;
  /** Inverse of the error function. */
  erfinv(a: Operand, options?: StreamOption): MxArray;
  /** e to the power of a. */
  exp(a: Operand, options?: StreamOption): MxArray;
  /** exp(a) − 1, exact near 0. */
  expm1(a: Operand, options?: StreamOption): MxArray;
  /** The next whole number below. */
  floor(a: Operand, options?: StreamOption): MxArray;
  /** Imaginary part. */
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
  /** Logarithm to base 10. */
  log10(a: Operand, options?: StreamOption): MxArray;
  /** log(1 + a), exact near 0. */
  log1p(a: Operand, options?: StreamOption): MxArray;
  /** Logarithm to base 2. */
  log2(a: Operand, options?: StreamOption): MxArray;
  /** bool: a is zero. */
  logicalNot(a: Operand, options?: StreamOption): MxArray;
  /** −a. */
  negative(a: Operand, options?: StreamOption): MxArray;
  /** A copy of a. */
  positive(a: Operand, options?: StreamOption): MxArray;
  /** Degrees to radians. */
  radians(a: Operand, options?: StreamOption): MxArray;
  /** Real part. */
  real(a: Operand, options?: StreamOption): MxArray;
  /** 1 / a. */
  reciprocal(a: Operand, options?: StreamOption): MxArray;
  /** 1 / √a. */
  rsqrt(a: Operand, options?: StreamOption): MxArray;
  /** 1 / (1 + exp(−a)). */
  sigmoid(a: Operand, options?: StreamOption): MxArray;
  /** −1, 0 or 1. */
  sign(a: Operand, options?: StreamOption): MxArray;
  /** Sine of radians. */
  sin(a: Operand, options?: StreamOption): MxArray;
  /** Hyperbolic sine. */
  sinh(a: Operand, options?: StreamOption): MxArray;
  /** √a. */
  sqrt(a: Operand, options?: StreamOption): MxArray;
  /** a². */
  square(a: Operand, options?: StreamOption): MxArray;
  /** a, as a constant to transformations. */
  stopGradient(a: Operand, options?: StreamOption): MxArray;
  /** Tangent of radians. */
  tan(a: Operand, options?: StreamOption): MxArray;
  /** Hyperbolic tangent. */
  tanh(a: Operand, options?: StreamOption): MxArray;
  /** Towards zero to a whole number. */
  trunc(a: Operand, options?: StreamOption): MxArray;
  /** To `decimals` places (0), halves to even. */
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
  /** The same, element by element. */
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
  /** Limits to [aMin, aMax]; null or left out is no limit. */
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
