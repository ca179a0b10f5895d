/** Discrete Fourier transform, convolution and filters of any shape. */

/** Transforms in place, radix 2; the length is a power of two. The inverse is not divided by the length. */
function transform(re: Float64Array, im: Float64Array, inverse: boolean): void {
  const n = re.length;
  for (let i = 1, j = 0; i < n; i++) {
    let bit = n >> 1;
    for (; (j & bit) !== 0; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      swap(re, i, j);
      swap(im, i, j);
    }
  }
  const cos = Float64Array.from({ length: n / 2 }, (_, k) => Math.cos((2 * Math.PI * k) / n));
  const sin = Float64Array.from({ length: n / 2 }, (_, k) => Math.sin((2 * Math.PI * k) / n));
  const sign = inverse ? 1 : -1;
  for (let size = 2; size <= n; size *= 2) {
    const half = size / 2;
    const stride = n / size;
    for (let begin = 0; begin < n; begin += size) {
      for (let k = 0; k < half; k++) {
        const a = begin + k;
        const b = a + half;
        const c = at(cos, k * stride);
        const s = sign * at(sin, k * stride);
        const x = at(re, b) * c - at(im, b) * s;
        const y = at(re, b) * s + at(im, b) * c;
        re[b] = at(re, a) - x;
        im[b] = at(im, a) - y;
        re[a] = at(re, a) + x;
        im[a] = at(im, a) + y;
      }
    }
  }
}

const at = (values: Float64Array, i: number): number => values[i] ?? 0;

function swap(values: Float64Array, i: number, j: number): void {
  const kept = at(values, i);
  values[i] = at(values, j);
  values[j] = kept;
}

function spectrum(samples: Float32Array, length: number): [Float64Array, Float64Array] {
  const re = new Float64Array(length);
  const im = new Float64Array(length);
  re.set(samples);
  transform(re, im, false);
  return [re, im];
}

const powerOfTwo = (minimum: number): number => 2 ** Math.ceil(Math.log2(Math.max(2, minimum)));

/** a ∗ b, of length a.length + b.length − 1. */
export function convolve(a: Float32Array, b: Float32Array): Float32Array {
  const length = a.length + b.length - 1;
  const size = powerOfTwo(length);
  const [re, im] = spectrum(a, size);
  const [bRe, bIm] = spectrum(b, size);
  for (let i = 0; i < size; i++) {
    const x = at(re, i) * at(bRe, i) - at(im, i) * at(bIm, i);
    im[i] = at(re, i) * at(bIm, i) + at(im, i) * at(bRe, i);
    re[i] = x;
  }
  transform(re, im, true);
  return Float32Array.from(re.subarray(0, length), (x) => x / size);
}

/** Scales each frequency by `gain(hertz)`, without delay. */
export function filterBands(
  samples: Float32Array,
  rate: number,
  gain: (hertz: number) => number,
): Float32Array {
  const size = powerOfTwo(samples.length);
  const [re, im] = spectrum(samples, size);
  for (let i = 0; i < size; i++) {
    const factor = gain((Math.min(i, size - i) * rate) / size);
    re[i] = at(re, i) * factor;
    im[i] = at(im, i) * factor;
  }
  transform(re, im, true);
  return Float32Array.from(re.subarray(0, samples.length), (x) => x / size);
}
