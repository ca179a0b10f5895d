import { mx, type MxArray } from '../index.js';

/**
 * Fixed sinusoidal positions of Whisper's encoder: the sines of all frequencies, then the cosines.
 * Frequencies fall from 1 to 1 / maxTimescale. [length, channels], float32
 */
export function sinusoids(length: number, channels: number, maxTimescale = 10_000): MxArray {
  if (channels % 2 !== 0) throw new RangeError(`sinusoids: channels must be even, not ${channels}`);
  const step = Math.log(maxTimescale) / (channels / 2 - 1);
  return mx.tidy(() => {
    const frequencies = mx.exp(mx.multiply(mx.arange(channels / 2), -step)); // [channels / 2]
    const angles = mx.multiply(mx.reshape(mx.arange(length), [length, 1]), frequencies); // [length, channels / 2]
    return mx.concatenate([mx.sin(angles), mx.cos(angles)], 1);
  });
}
