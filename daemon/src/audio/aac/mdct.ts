/**
 * The inverse modified discrete cosine transform of AAC,
 * y[n] = 2/(2M) · Σₖ X[k] · cos(π/M · (n + ½ + M/2) · (k + ½)), n = 0 … 2M − 1,
 * computed with a DCT-IV and a complex FFT of M/2 points.
 */
export class InverseMdct {
  readonly #points: number;
  readonly #cosine: Float64Array; // exp(−iπ(n + ⅛)/M), before and after the FFT
  readonly #sine: Float64Array;
  readonly #rootCosine: Float64Array; // exp(−2πi n/(M/2)), inside it
  readonly #rootSine: Float64Array;
  readonly #reversed: Uint16Array;
  readonly #real: Float64Array;
  readonly #imaginary: Float64Array;
  readonly #folded: Float64Array;

  readonly #size: number;

  /** @param size M, a power of two: M spectral values give 2M samples */
  constructor(size: number) {
    this.#size = size;
    const points = size / 2;
    const bits = Math.log2(points);
    const angles = Float64Array.from({ length: points }, (_, n) => (-Math.PI * (n + 1 / 8)) / size);
    const roots = Float64Array.from({ length: points / 2 }, (_, n) => (-2 * Math.PI * n) / points);
    this.#points = points;
    this.#cosine = angles.map(Math.cos);
    this.#sine = angles.map(Math.sin);
    this.#rootCosine = roots.map(Math.cos);
    this.#rootSine = roots.map(Math.sin);
    this.#reversed = Uint16Array.from({ length: points }, (_, n) => {
      let reversed = 0;
      for (let bit = 0; bit < bits; bit++) reversed |= ((n >> bit) & 1) << (bits - 1 - bit);
      return reversed;
    });
    this.#real = new Float64Array(points);
    this.#imaginary = new Float64Array(points);
    this.#folded = new Float64Array(size);
  }

  /** @param output [2M], overwritten */
  run(spectrum: Float32Array, at: number, output: Float32Array): void {
    const size = this.#size;
    const folded = this.#folded;
    this.#dct4(spectrum, at);
    const half = size / 2;
    const scale = 1 / size;
    for (let n = 0; n < half; n++) output[n] = (folded[n + half] as number) * scale;
    for (let n = half; n < 3 * half; n++) output[n] = -(folded[3 * half - 1 - n] as number) * scale;
    for (let n = 3 * half; n < 4 * half; n++) output[n] = -(folded[n - 3 * half] as number) * scale;
  }

  #dct4(spectrum: Float32Array, at: number): void {
    const size = this.#size;
    const points = this.#points;
    const cosine = this.#cosine;
    const sine = this.#sine;
    const reversed = this.#reversed;
    const real = this.#real;
    const imaginary = this.#imaginary;
    const folded = this.#folded;
    for (let n = 0; n < points; n++) {
      const a = spectrum[at + 2 * n] as number;
      const b = spectrum[at + size - 1 - 2 * n] as number;
      const c = cosine[n] as number;
      const s = sine[n] as number;
      const to = reversed[n] as number;
      real[to] = a * c - b * s;
      imaginary[to] = a * s + b * c;
    }
    this.#fft();
    for (let n = 0; n < points; n++) {
      const re = real[n] as number;
      const im = imaginary[n] as number;
      const c = cosine[n] as number;
      const s = sine[n] as number;
      folded[2 * n] = re * c - im * s;
      folded[size - 1 - 2 * n] = -(re * s + im * c);
    }
  }

  /** Radix 2, in place, input in bit-reversed order. */
  #fft(): void {
    const points = this.#points;
    const real = this.#real;
    const imaginary = this.#imaginary;
    const rootCosine = this.#rootCosine;
    const rootSine = this.#rootSine;
    for (let span = 1; span < points; span *= 2) {
      const stride = points / (2 * span);
      for (let start = 0; start < points; start += 2 * span) {
        for (let n = 0; n < span; n++) {
          const i = start + n;
          const j = i + span;
          const c = rootCosine[n * stride] as number;
          const s = rootSine[n * stride] as number;
          const re = (real[j] as number) * c - (imaginary[j] as number) * s;
          const im = (real[j] as number) * s + (imaginary[j] as number) * c;
          real[j] = (real[i] as number) - re;
          imaginary[j] = (imaginary[i] as number) - im;
          real[i] = (real[i] as number) + re;
          imaginary[i] = (imaginary[i] as number) + im;
        }
      }
    }
  }
}
