/** Degradations of recordings: noise, reverberation, a telephone line, a low level. */
import { NON_SPEECH, randomNumbers } from './non-speech.js';

const RATE = 16_000;
const { PI, abs, exp, log, log1p, min, round, sign, sqrt } = Math; // called a million times, and globals are slow in jest

/** Degrades samples of speech. */
type Degradation = (samples: Float32Array) => Float32Array;

const power = (samples: Float32Array): number => samples.reduce((sum, x) => sum + x * x, 0) / samples.length;

/** Adds a sound of `NON_SPEECH` at a level in decibels below the speech. */
export function withNoise(name: string, decibels: number): Degradation {
  return (samples) => {
    const noise = NON_SPEECH.get(name)?.(samples.length / RATE);
    if (noise === undefined) throw new Error(`unknown sound: ${name}`);
    const gain = sqrt(power(samples) / power(noise)) * 10 ** (-decibels / 20);
    return samples.map((x, i) => x + gain * (noise[i] ?? 0));
  };
}

export function louder(decibels: number): Degradation {
  const gain = 10 ** (decibels / 20);
  return (samples) => samples.map((x) => x * gain);
}

/** A hall that decays by 60 dB in `seconds`: 400 echoes of increasing density. */
function reverberating(seconds: number): Degradation {
  return (samples) => {
    const random = randomNumbers(21);
    const out = samples.slice();
    for (let echo = 0; echo < 400; echo++) {
      const delay = 0.01 + seconds * sqrt(echo / 400);
      const gain = 0.25 * random() * 10 ** ((-3 * delay) / seconds);
      const shift = round(delay * RATE);
      for (let i = shift; i < out.length; i++) out[i] = (out[i] ?? 0) + gain * (samples[i - shift] ?? 0);
    }
    return out;
  };
}

/** Limits to 300 to 3400 Hz and quantizes as µ-law. */
function byTelephone(samples: Float32Array): Float32Array {
  let band = samples;
  for (let pass = 0; pass < 4; pass++) {
    let [slow, smooth] = [0, 0];
    const [high, low] = [1 - exp((-2 * PI * 300) / RATE), 1 - exp((-2 * PI * 3400) / RATE)];
    band = band.map((x) => {
      slow += high * (x - slow);
      smooth += low * (x - slow - smooth);
      return smooth;
    });
  }
  return band.map((x) => {
    const size = log1p(255 * min(1, abs(x))) / log(256);
    return (sign(x) * (256 ** (round(size * 127) / 127) - 1)) / 255;
  });
}

export const DEGRADATIONS: ReadonlyMap<string, Degradation> = new Map<string, Degradation>([
  ['as recorded', (samples) => samples],
  ['pink noise, 10 dB', withNoise('pink noise, -25 dB', 10)],
  ['white noise, 5 dB', withNoise('white noise, -25 dB', 5)],
  ['pink noise, 0 dB', withNoise('pink noise, -25 dB', 0)],
  ['band, 5 dB', withNoise('band', 5)],
  ['hall of 1.2 s', reverberating(1.2)],
  ['telephone', byTelephone],
  ['30 dB quieter', louder(-30)],
]);
