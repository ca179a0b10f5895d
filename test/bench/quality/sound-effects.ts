/**
 * Synthetic sounds and rooms that degrade clean clips, for hundreds of words of each kind. Reproducible, since random
 * numbers are seeded. All audio is mono at 16 kHz, −1…1.
 */
import { seededRandom } from '#test/harness/seeded-random.js';
import { convolve, filterBands } from './spectrum.js';

const RATE = 16_000;
const MAX_PEAK = 0.98;

export type Random = () => number;

/** Random numbers seeded by a text. */
export function seeded(text: string): Random {
  let state = 0x811c9dc5; // FNV-1a of the text
  for (const char of text) state = Math.imul(state ^ (char.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return seededRandom(state);
}

/** Normally distributed numbers with standard deviation 1 (Box–Muller). */
export function whiteNoise(samples: number, random: Random): Float32Array {
  const out = new Float32Array(samples);
  for (let i = 0; i < samples; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(1 - random()));
    const angle = 2 * Math.PI * random();
    out[i] = radius * Math.cos(angle);
    if (i + 1 < samples) out[i + 1] = radius * Math.sin(angle);
  }
  return out;
}

/** Noise whose power falls by 3 dB per octave, from 30 Hz. */
export function pinkNoise(samples: number, random: Random): Float32Array {
  return filterBands(whiteNoise(samples, random), RATE, (hertz) => (hertz < 30 ? 0 : Math.sqrt(30 / hertz)));
}

export function rms(samples: Float32Array): number {
  return Math.sqrt(samples.reduce((total, x) => total + x * x, 0) / Math.max(1, samples.length));
}

/** Scales samples to an RMS level. */
export function atLevel(samples: Float32Array, level: number): Float32Array {
  const scale = level / (rms(samples) || 1);
  return samples.map((x) => x * scale);
}

/** Mixes `other` with `speech` at a level in decibels below it; scales both down if they would clip. */
export function mix(speech: Float32Array, other: Float32Array, decibels: number): Float32Array {
  const under = atLevel(other, rms(speech) * 10 ** (-decibels / 20));
  return fit(speech.map((x, i) => x + (under[i] ?? 0)));
}

/**
 * Adds reverberation of a room that decays by 60 dB in `rt60Seconds`: the direct sound, and decaying noise after 5 ms. At
 * 0.5 s both have equal power; a longer tail starts at the same level and so has more power.
 */
export function reverberate(speech: Float32Array, rt60Seconds: number, random: Random): Float32Array {
  const late = 0.005 * RATE;
  const decay = Math.log(1000) / (rt60Seconds * RATE);
  const response = whiteNoise(Math.round(rt60Seconds * RATE), random);
  const first = Math.sqrt((2 * Math.log(1000)) / (0.5 * RATE));
  for (let i = 0; i < response.length; i++) {
    response[i] = i < late ? 0 : (response[i] ?? 0) * first * Math.exp(-decay * (i - late));
  }
  response[0] = 1;
  const output = convolve(speech, response).subarray(0, speech.length);
  return fit(atLevel(output, rms(speech)));
}

/** Telephone bandwidth: 300 to 3400 Hz, as after sampling at 8 kHz. */
export function telephone(speech: Float32Array): Float32Array {
  const edge = (hertz: number, from: number, to: number) =>
    Math.min(1, Math.max(0, (hertz - from) / (to - from)));
  return fit(filterBands(speech, RATE, (hertz) => edge(hertz, 250, 350) * (1 - edge(hertz, 3300, 3500))));
}

const CHORDS = [
  [0, 4, 7, 12],
  [7, 11, 14, 19],
  [9, 12, 16, 21],
  [5, 9, 12, 17],
];

/** Four chords in turn, plucked twice per second, with a bass note and a noise beat. */
export function music(samples: number, random: Random): Float32Array {
  const out = new Float32Array(samples);
  const key = 220 * 2 ** (Math.floor(random() * 12) / 12);
  const step = RATE / 2;
  for (let begin = 0, n = 0; begin < samples; begin += step, n++) {
    const chord = CHORDS[(n >> 2) % CHORDS.length] ?? [];
    const melody = 12 + (chord[Math.floor(random() * chord.length)] ?? 0);
    for (const [i, tone] of [...chord, melody, (chord[0] ?? 0) - 24].entries()) {
      const hertz = key * 2 ** (tone / 12);
      const loud = i === 4 ? 0.9 : 0.5;
      for (let harmonic = 1; harmonic <= 5; harmonic++) {
        pluck(out, begin, { hertz: hertz * harmonic, loud: loud / harmonic ** 1.5, decay: 2 + harmonic });
      }
    }
    const beat = whiteNoise(Math.min(1600, samples - begin), random);
    for (const [i, x] of beat.entries())
      out[begin + i] = (out[begin + i] ?? 0) + 0.3 * x * Math.exp(-i / 250);
  }
  return out;
}

function pluck(out: Float32Array, begin: number, note: { hertz: number; loud: number; decay: number }): void {
  const end = Math.min(out.length, begin + 1.5 * RATE);
  for (let i = begin; i < end; i++) {
    const t = (i - begin) / RATE;
    const rise = Math.min(1, t / 0.005);
    out[i] =
      (out[i] ?? 0) + note.loud * rise * Math.exp(-note.decay * t) * Math.sin(2 * Math.PI * note.hertz * t);
  }
}

/** Mains hum with its overtones. */
export function hum(samples: number): Float32Array {
  return Float32Array.from({ length: samples }, (_, n) =>
    [50, 100, 150, 250].reduce((total, f) => total + Math.sin((2 * Math.PI * f * n) / RATE) / 8, 0),
  );
}

/** Three bursts of cough-like noise, 0.35 s each, in quiet room tone. */
export function coughs(samples: number, random: Random): Float32Array {
  const out = atLevel(pinkNoise(samples, random), 0.001);
  const throat = filterBands(whiteNoise(samples, random), RATE, (f) => (f < 150 ? 0 : 600 / (600 + f)));
  for (const at of [0.2, 0.28, 0.6]) {
    const begin = Math.round(at * samples);
    for (let i = 0; i < 0.35 * RATE && begin + i < samples; i++) {
      const t = i / RATE;
      out[begin + i] = (out[begin + i] ?? 0) + (throat[i] ?? 0) * Math.min(1, t / 0.01) * Math.exp(-12 * t);
    }
  }
  return fit(out);
}

/** A ringing telephone: two tones, one second on and two off. */
export function ringing(samples: number): Float32Array {
  return Float32Array.from({ length: samples }, (_, n) => {
    const t = n / RATE;
    return t % 3 < 1 ? 0.2 * (Math.sin(2 * Math.PI * 440 * t) + Math.sin(2 * Math.PI * 480 * t)) : 0;
  });
}

/** Low noise that comes and goes. */
export function wind(samples: number, random: Random): Float32Array {
  const low = filterBands(whiteNoise(samples, random), RATE, (f) => 1 / (1 + (f / 200) ** 2));
  return atLevel(
    low.map((x, n) => x * (1.2 + Math.sin((2 * Math.PI * 0.3 * n) / RATE))),
    0.05,
  );
}

/** Scales down if the loudest sample would not fit into 16 bits. */
function fit(samples: Float32Array): Float32Array {
  const peak = samples.reduce((max, x) => Math.max(max, Math.abs(x)), 0);
  return peak <= MAX_PEAK ? samples : samples.map((x) => (x * MAX_PEAK) / peak);
}
