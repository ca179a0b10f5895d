import { Resampler } from '../../signal/resample.js';
import type { AudioEncoder } from './audio-encoder.js';

/** An encoder for samples of another rate. @param inRate, outRate in Hz */
export function resampling(encoder: AudioEncoder, inRate: number, outRate: number): AudioEncoder {
  if (inRate === outRate) return encoder;
  const resampler = new Resampler(inRate, outRate);
  return {
    begin: () => encoder.begin(),
    encode: (samples) => encoder.encode(resampler.push(samples)),
    finish() {
      const last = encoder.encode(resampler.flush());
      const { tail, ...rest } = encoder.finish();
      return { tail: Buffer.concat([last, tail]), ...rest };
    },
    free: () => encoder.free(),
  };
}
