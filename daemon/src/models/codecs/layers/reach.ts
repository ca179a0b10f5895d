/**
 * How far a frame of a network depends on others. A chunk that is computed with so much context on each side equals the same
 * part of the whole.
 */

const FIRST_KERNEL_REACH = 3;
/** Of three residual units with kernels of 7 and dilations 1, 3, 9. */
const UNITS_REACH = 3 * (1 + 3 + 9);

/** Frames of latents on each side that a sample of the decoder of DAC or SNAC reads, behind its first convolution. */
export function decoderReach(rates: readonly number[]): number {
  let [reach, samplesPerFrame] = [0, 1];
  for (const rate of rates) {
    reach += 1 / samplesPerFrame; // the kernel of a transposed convolution covers two frames
    samplesPerFrame *= rate;
    reach += UNITS_REACH / samplesPerFrame;
  }
  return reach + FIRST_KERNEL_REACH / samplesPerFrame;
}

/** Frames of latents on each side from which the encoder of DAC or SNAC reads, before its last convolution. */
export function encoderReach(rates: readonly number[]): number {
  let [reach, samplesPerFrame] = [0, 1];
  for (const rate of [...rates].reverse()) {
    samplesPerFrame *= rate;
    reach += (Math.ceil(rate / 2) + UNITS_REACH) / samplesPerFrame;
  }
  return reach + FIRST_KERNEL_REACH / samplesPerFrame;
}

/** Frames of the input for one of the output behind layers of these strides. */
export const product = (rates: readonly number[]): number => rates.reduce((all, rate) => all * rate, 1);

/** The smallest multiple of `size` that is at least `value`. */
export const roundedUp = (value: number, size: number): number => Math.ceil(value / size) * size;
