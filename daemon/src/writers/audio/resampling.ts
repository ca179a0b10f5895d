import { Resampler } from '../../signal/resample.js';
import type { AudioFileEncoder } from './audio-file-encoder.js';

/** An encoder for samples of another rate. @param inRate, outRate in Hz */
export function resampling(encoder: AudioFileEncoder, inRate: number, outRate: number): AudioFileEncoder {
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
