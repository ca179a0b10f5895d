import type { MxArray, On, Operand } from './types.js';

/** Element by element. Two operands are broadcast against each other as in NumPy, and their dtypes promoted. */
export interface Elementwise {
  /** |a|. */
  abs(a: Operand, options?: On): MxArray;
  /** Inverse cosine, in radians. */
  arccos(a: Operand, options?: On): MxArray;
  /** Inverse hyperbolic cosine. */
  arccosh(a: Operand, options?: On): MxArray;
  /** Inverse sine, in radians. */
  arcsin(a: Operand, options?: On): MxArray;
  /** Inverse hyperbolic sine. */
  arcsinh(a: Operand, options?: On): MxArray;
  /** Inverse tangent, in radians. */
  arctan(a: Operand, options?: On): MxArray;
  /** Inverse hyperbolic tangent. */
  arctanh(a: Operand, options?: On): MxArray;
  /** Every bit the other way. */
  bitwiseInvert(a: Operand, options?: On): MxArray;
  /** The next whole number above. */
  ceil(a: Operand, options?: On): MxArray;
  /** Complex conjugate. */
  conjugate(a: Operand, options?: On): MxArray;
  /** Complex conjugate. */
  conj(a: Operand, options?: On): MxArray;
  /** Cosine of radians. */
  cos(a: Operand, options?: On): MxArray;
  /** Hyperbolic cosine. */
  cosh(a: Operand, options?: On): MxArray;
  /** Radians to degrees. */
  degrees(a: Operand, options?: On): MxArray;
  /** Error function. */
  erf(a: Operand, options?: On): MxArray;
  /** Inverse of the error function. */
  erfinv(a: Operand, options?: On): MxArray;
  /** e to the power of a. */
  exp(a: Operand, options?: On): MxArray;
  /** exp(a) − 1, exact near 0. */
  expm1(a: Operand, options?: On): MxArray;
  /** The next whole number below. */
  floor(a: Operand, options?: On): MxArray;
  /** Imaginary part. */
  imag(a: Operand, options?: On): MxArray;
  /** bool: neither infinite nor NaN. */
  isfinite(a: Operand, options?: On): MxArray;
  /** bool: ±Infinity. */
  isinf(a: Operand, options?: On): MxArray;
  /** bool: NaN. */
  isnan(a: Operand, options?: On): MxArray;
  /** bool: −Infinity. */
  isneginf(a: Operand, options?: On): MxArray;
  /** bool: +Infinity. */
  isposinf(a: Operand, options?: On): MxArray;
  /** Natural logarithm. */
  log(a: Operand, options?: On): MxArray;
  /** Logarithm to base 10. */
  log10(a: Operand, options?: On): MxArray;
  /** log(1 + a), exact near 0. */
  log1p(a: Operand, options?: On): MxArray;
  /** Logarithm to base 2. */
  log2(a: Operand, options?: On): MxArray;
  /** bool: a is zero. */
  logicalNot(a: Operand, options?: On): MxArray;
  /** −a. */
  negative(a: Operand, options?: On): MxArray;
  /** A copy of a. */
  positive(a: Operand, options?: On): MxArray;
  /** Degrees to radians. */
  radians(a: Operand, options?: On): MxArray;
  /** Real part. */
  real(a: Operand, options?: On): MxArray;
  /** 1 / a. */
  reciprocal(a: Operand, options?: On): MxArray;
  /** 1 / √a. */
  rsqrt(a: Operand, options?: On): MxArray;
  /** 1 / (1 + exp(−a)). */
  sigmoid(a: Operand, options?: On): MxArray;
  /** −1, 0 or 1. */
  sign(a: Operand, options?: On): MxArray;
  /** Sine of radians. */
  sin(a: Operand, options?: On): MxArray;
  /** Hyperbolic sine. */
  sinh(a: Operand, options?: On): MxArray;
  /** √a. */
  sqrt(a: Operand, options?: On): MxArray;
  /** a². */
  square(a: Operand, options?: On): MxArray;
  /** a, as a constant to transformations. */
  stopGradient(a: Operand, options?: On): MxArray;
  /** Tangent of radians. */
  tan(a: Operand, options?: On): MxArray;
  /** Hyperbolic tangent. */
  tanh(a: Operand, options?: On): MxArray;
  /** Towards zero to a whole number. */
  trunc(a: Operand, options?: On): MxArray;
  /** To `decimals` places (0), halves to even. */
  round(a: Operand, decimals?: number, options?: On): MxArray;

  /** a + b. */
  add(a: Operand, b: Operand, options?: On): MxArray;
  /** The angle of the point (b, a), in radians. */
  arctan2(a: Operand, b: Operand, options?: On): MxArray;
  /** a & b. */
  bitwiseAnd(a: Operand, b: Operand, options?: On): MxArray;
  /** a | b. */
  bitwiseOr(a: Operand, b: Operand, options?: On): MxArray;
  /** a ^ b. */
  bitwiseXor(a: Operand, b: Operand, options?: On): MxArray;
  /** a / b, always a float. */
  divide(a: Operand, b: Operand, options?: On): MxArray;
  /** bool: a = b. */
  equal(a: Operand, b: Operand, options?: On): MxArray;
  /** ⌊a / b⌋. */
  floorDivide(a: Operand, b: Operand, options?: On): MxArray;
  /** bool: a > b. */
  greater(a: Operand, b: Operand, options?: On): MxArray;
  /** bool: a ≥ b. */
  greaterEqual(a: Operand, b: Operand, options?: On): MxArray;
  /** a << b. */
  leftShift(a: Operand, b: Operand, options?: On): MxArray;
  /** bool: a < b. */
  less(a: Operand, b: Operand, options?: On): MxArray;
  /** bool: a ≤ b. */
  lessEqual(a: Operand, b: Operand, options?: On): MxArray;
  /** log(exp(a) + exp(b)), without overflow. */
  logaddexp(a: Operand, b: Operand, options?: On): MxArray;
  /** bool: both non-zero. */
  logicalAnd(a: Operand, b: Operand, options?: On): MxArray;
  /** bool: either non-zero. */
  logicalOr(a: Operand, b: Operand, options?: On): MxArray;
  /** bool: exactly one non-zero. */
  logicalXor(a: Operand, b: Operand, options?: On): MxArray;
  /** The larger; NaN wins. */
  maximum(a: Operand, b: Operand, options?: On): MxArray;
  /** The smaller; NaN wins. */
  minimum(a: Operand, b: Operand, options?: On): MxArray;
  /** a · b. */
  multiply(a: Operand, b: Operand, options?: On): MxArray;
  /** bool: a ≠ b. */
  notEqual(a: Operand, b: Operand, options?: On): MxArray;
  /** a to the power of b. */
  power(a: Operand, b: Operand, options?: On): MxArray;
  /** The remainder with the sign of b. */
  remainder(a: Operand, b: Operand, options?: On): MxArray;
  /** a >> b. */
  rightShift(a: Operand, b: Operand, options?: On): MxArray;
  /** a − b. */
  subtract(a: Operand, b: Operand, options?: On): MxArray;
  /** [⌊a / b⌋, the remainder]. */
  divmod(a: Operand, b: Operand, options?: On): [MxArray, MxArray];
  /** bool scalar: |a − b| ≤ atol (1e-8) + rtol (1e-5) · |b| everywhere. */
  allclose(
    a: Operand,
    b: Operand,
    rtol?: number,
    atol?: number,
    options?: On & { equalNan?: boolean },
  ): MxArray;
  /** The same, element by element. */
  isclose(
    a: Operand,
    b: Operand,
    rtol?: number,
    atol?: number,
    options?: On & { equalNan?: boolean },
  ): MxArray;
  /** bool scalar: same shape and same values; dtypes may differ. */
  arrayEqual(a: Operand, b: Operand, equalNan?: boolean, options?: On): MxArray;
  /** x where the condition holds, y elsewhere; all three are broadcast. */
  where(condition: Operand, x: Operand, y: Operand, options?: On): MxArray;
  /** Limits to [aMin, aMax]; null or left out is no limit. */
  clip(a: Operand, aMin?: Operand | null, aMax?: Operand | null, options?: On): MxArray;
  /** NaN becomes `nan` (0), infinities the given numbers (the dtype's largest and smallest). */
  nanToNum(a: Operand, nan?: number, posinf?: number | null, neginf?: number | null, options?: On): MxArray;
}
