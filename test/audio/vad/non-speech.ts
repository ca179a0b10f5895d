/**
 * Synthetic sounds without speech: the same samples on every machine with the same sine. Room noise, human noises,
 * telephones, instruments.
 */
import { seededRandom } from '#test/harness/seeded-random.js';

const RATE = 16_000;
const { PI, cos, exp, floor, max, min, round, sign, sin, sqrt } = Math; // called a million times, and globals are slow in jest

/** Generates a sound of a duration in seconds, at a realistic level. */
type Sound = (seconds: number) => Float32Array;

/** Numbers in −1 … 1, the same for the same seed. */
export function randomNumbers(seed: number): () => number {
  const random = seededRandom(seed);
  return () => 2 * random() - 1;
}

function made(seconds: number, sample: (t: number, i: number) => number): Float32Array {
  return Float32Array.from({ length: round(seconds * RATE) }, (_, i) => sample(i / RATE, i));
}

const sine = (hertz: number, t: number): number => sin(2 * PI * hertz * t);

/** Scales samples to the level `rms`. */
function atLevel(samples: Float32Array, rms: number): Float32Array {
  const power = samples.reduce((sum, x) => sum + x * x, 0) / samples.length;
  const gain = power === 0 ? 0 : rms / sqrt(power);
  return samples.map((x) => x * gain);
}

const decibels = (level: number): number => 10 ** (level / 20);

/** A resonance filter. */
function resonator(hertz: number, bandwidth: number): (input: number) => number {
  const radius = exp((-PI * bandwidth) / RATE);
  const [a, b] = [2 * radius * cos((2 * PI * hertz) / RATE), -radius * radius];
  const gain = (1 - radius) * sqrt(1 - 2 * radius * cos((4 * PI * hertz) / RATE) + radius ** 2);
  let [last, before] = [0, 0];
  return (input) => {
    const output = gain * input + a * last + b * before;
    [before, last] = [last, output];
    return output;
  };
}

function white(seed: number): Sound {
  return (seconds) => {
    const random = randomNumbers(seed);
    return made(seconds, random);
  };
}

/** Noise with equal power in each octave, by Paul Kellet's filter. */
function pink(seconds: number): Float32Array {
  const random = randomNumbers(2);
  const [poles, gains] = [
    [0.99886, 0.99332, 0.969, 0.8665, 0.55, -0.7616],
    [0.0555179, 0.0750759, 0.153852, 0.3104856, 0.5329522, -0.016898],
  ];
  const states = poles.map(() => 0);
  return made(seconds, () => {
    const x = random();
    for (const [i, pole] of poles.entries()) states[i] = pole * (states[i] ?? 0) + (gains[i] ?? 0) * x;
    return states.reduce((sum, state) => sum + state, 0) + 0.5362 * x;
  });
}

/** Noise below a frequency: a room, wind. */
function low(hertz: number, seed: number): Sound {
  const pole = exp((-2 * PI * hertz) / RATE);
  return (seconds) => {
    const random = randomNumbers(seed);
    let state = 0;
    return made(seconds, () => (state = pole * state + (1 - pole) * random()));
  };
}

const quiet =
  (sound: Sound, level: number): Sound =>
  (seconds) =>
    atLevel(sound(seconds), decibels(level));

/** A repeated short sound: `times` in seconds, and its sample `t` seconds after its start. */
function events(
  times: (seconds: number) => number[],
  length: number,
  one: (t: number, which: number) => number,
): Sound {
  return (seconds) => {
    const out = new Float32Array(round(seconds * RATE));
    for (const [which, time] of times(seconds).entries()) {
      const first = round(time * RATE);
      const end = min(out.length, first + round(length * RATE));
      for (let i = first; i < end; i++) out[i] = (out[i] ?? 0) + one((i - first) / RATE, which);
    }
    return out;
  };
}

/** Times at a period in seconds, shifted randomly by up to the fraction `wander` of it. */
function every(period: number, wander = 0, first = 0.3): (seconds: number) => number[] {
  return (seconds) => {
    const random = randomNumbers(9);
    const times: number[] = [];
    for (let t = first; t < seconds; t += period) times.push(max(0, t + period * wander * random()));
    return times;
  };
}

function keyboard(seconds: number): Float32Array {
  const random = randomNumbers(3);
  return events(
    every(0.17, 0.4),
    0.04,
    (t) => 0.2 * random() * exp(-t * 180) + 0.05 * sine(900, t) * exp(-t * 90),
  )(seconds);
}

/** A burst of breath through a throat, then a second one. */
function cough(seconds: number): Float32Array {
  const random = randomNumbers(4);
  const throat = [resonator(550, 200), resonator(1400, 300), resonator(2600, 400)];
  const shape = (t: number): number => (t < 0.02 ? t / 0.02 : exp(-(t - 0.02) * 14));
  const source = events(every(2.5, 0.1, 0.5), 0.7, (t) => {
    const second = t > 0.35 ? 0.7 * shape(t - 0.35) : 0;
    return random() * (shape(t) + second);
  })(seconds);
  return atLevel(
    source.map((x) => throat.reduce((sum, pass) => sum + pass(x), 0)),
    decibels(-24),
  );
}

function breathing(seconds: number): Float32Array {
  const random = randomNumbers(5);
  const mouth = [resonator(700, 600), resonator(1800, 900)];
  const air = made(seconds, (t) => {
    const phase = (t % 4) / 4;
    const swell =
      phase < 0.35
        ? sin((PI * phase) / 0.35)
        : phase > 0.45 && phase < 0.9
          ? 0.7 * sin((PI * (phase - 0.45)) / 0.45)
          : 0;
    return swell * random();
  });
  return atLevel(
    air.map((x) => mouth.reduce((sum, pass) => sum + pass(x), 0)),
    decibels(-34),
  );
}

function knocks(seconds: number): Float32Array {
  const random = randomNumbers(6);
  const times = (s: number): number[] => every(4)(s).flatMap((t) => [t, t + 0.25, t + 0.5]);
  return events(
    times,
    0.2,
    (t) => (0.6 * sine(140, t) + 0.3 * sine(310, t)) * exp(-t * 35) + 0.1 * random() * exp(-t * 200),
  )(seconds);
}

const KEYS: readonly (readonly [number, number])[] = [
  [941, 1336],
  [697, 1209],
  [697, 1336],
  [697, 1477],
  [770, 1209],
  [770, 1336],
  [770, 1477],
  [852, 1209],
  [852, 1336],
  [852, 1477],
];
/** A dialed number: each key for 120 ms. */
const dialling: Sound = events(every(0.25), 0.12, (t, which) => {
  const [row, column] = KEYS[(which * 7 + 3) % 10] ?? [697, 1209];
  return 0.15 * (sine(row, t) + sine(column, t));
});
const ringback: Sound = (seconds) =>
  made(seconds, (t) => (t % 6 < 2 ? 0.12 * (sine(440, t) + sine(480, t)) : 0));
const dialTone: Sound = (seconds) => made(seconds, (t) => 0.12 * (sine(350, t) + sine(440, t)));
const engaged: Sound = (seconds) =>
  made(seconds, (t) => (t % 1 < 0.5 ? 0.12 * (sine(480, t) + sine(620, t)) : 0));
/** A bell with twenty strikes per second. */
const bell: Sound = (seconds) =>
  made(seconds, (t) =>
    t % 3 < 1.5 ? 0.12 * exp(-(t % 0.05) * 30) * (sine(1200, t) + sine(2730, t) + 0.5 * sine(4100, t)) : 0,
  );
const siren: Sound = (seconds) => {
  let phase = 0;
  return made(seconds, (t) => {
    phase += (2 * PI * (800 + 400 * sine(0.5, t))) / RATE;
    return 0.2 * sin(phase);
  });
};
const whistle: Sound = (seconds) => {
  let phase = 0;
  return made(seconds, (t) => {
    phase += (2 * PI * (1500 + 300 * sine(0.7, t) + 20 * sine(6, t))) / RATE;
    return t % 2 < 1.6 ? 0.15 * sin(phase) : 0;
  });
};
const birds: Sound = events(
  every(0.9, 0.3),
  0.18,
  (t, which) => 0.1 * sin(2 * PI * ((2600 + 300 * (which % 4)) * t + 4000 * t * t)) * sin((PI * t) / 0.18),
);

/** Many drops, each a click with its own pitch. */
function rain(seconds: number): Float32Array {
  const random = randomNumbers(7);
  const times = (s: number): number[] =>
    Array.from({ length: round(s * 120) }, () => ((random() + 1) / 2) * s);
  const pitches = Array.from({ length: 64 }, () => 2000 + 1800 * random());
  const drops = events(
    times,
    0.01,
    (t, which) => 0.2 * sine(pitches[which % 64] ?? 3000, t) * exp(-t * 500),
  )(seconds);
  const hiss = quiet(white(8), -38)(seconds);
  return drops.map((x, i) => x + (hiss[i] ?? 0));
}

function applause(seconds: number): Float32Array {
  const random = randomNumbers(10);
  const times = (s: number): number[] =>
    Array.from({ length: round(s * 60) }, () => ((random() + 1) / 2) * s);
  return quiet(
    events(times, 0.02, (t) => random() * exp(-t * 220)),
    -26,
  )(seconds);
}

const wind: Sound = (seconds) => {
  const air = low(300, 11)(seconds);
  return atLevel(
    air.map((x, i) => x * (1 + 0.8 * sine(0.13, i / RATE) + 0.4 * sine(0.41, i / RATE))),
    decibels(-26),
  );
};
const engine: Sound = (seconds) =>
  made(seconds, (t) => {
    let sum = 0;
    for (let k = 1; k < 30; k++) sum += sine(32 * k, t + 0.002 * sine(3, t)) / k;
    return 0.1 * sum;
  });
const hum = (hertz: number, level: number): Sound =>
  quiet(
    (seconds) => made(seconds, (t) => [1, 2, 3, 5, 7].reduce((sum, k) => sum + sine(hertz * k, t) / k, 0)),
    level,
  );

// Music: notes as semitones above A (220 Hz).
const hertz = (semitones: number): number => 220 * 2 ** (semitones / 12);
const MELODY = [0, 4, 7, 12, 11, 7, 4, 2, 5, 9, 12, 9, 7, 4, 0, -5];
const CHORDS = [
  [0, 4, 7],
  [-3, 0, 4],
  [-7, -3, 0],
  [-5, -1, 2],
];

const piano: Sound = events(every(0.35, 0, 0.1), 1.2, (t, which) => {
  const f = hertz(MELODY[which % MELODY.length] ?? 0);
  return [1, 2, 3, 4, 5].reduce(
    (sum, k) => sum + (0.25 / k) * sine(f * k * (1 + 0.0004 * k * k), t) * exp(-t * (2 + k)),
    0,
  );
});
const organ: Sound = (seconds) =>
  made(seconds, (t) => {
    const chord = CHORDS[floor(t / 2) % CHORDS.length] ?? [];
    return (
      0.05 *
      chord.reduce((sum, note) => sum + [0.5, 1, 2, 4].reduce((s, k) => s + sine(hertz(note) * k, t), 0), 0)
    );
  });
/** Slightly detuned sawtooth strings that swell with each chord. */
const strings: Sound = (seconds) =>
  made(seconds, (t) => {
    const chord = CHORDS[floor(t / 3) % CHORDS.length] ?? [];
    const saw = (f: number): number => 2 * ((f * t) % 1) - 1;
    const swell = sin((PI * (t % 3)) / 3);
    return (
      0.03 *
      swell *
      chord.reduce(
        (sum, note) => sum + saw(hertz(note)) + saw(hertz(note) * 1.004) + saw(hertz(note) * 2.003),
        0,
      )
    );
  });
const flute: Sound = (seconds) => {
  const random = randomNumbers(12);
  let phase = 0;
  return made(seconds, (t) => {
    const note = 12 + (MELODY[floor(t / 0.6) % MELODY.length] ?? 0);
    phase += (2 * PI * hertz(note) * (1 + 0.006 * sine(5.5, t))) / RATE;
    const swell = min(1, (t % 0.6) / 0.08) * min(1, (0.6 - (t % 0.6)) / 0.05);
    return swell * (0.2 * sin(phase) + 0.04 * sin(2 * phase) + 0.01 * random());
  });
};
/** Plucked strings (Karplus and Strong). */
function guitar(seconds: number): Float32Array {
  const out = new Float32Array(round(seconds * RATE));
  const random = randomNumbers(13);
  for (const [which, time] of every(0.4, 0, 0.1)(seconds).entries()) {
    const period = round(RATE / hertz(MELODY[(which * 3) % MELODY.length] ?? 0));
    const string = Array.from({ length: period }, random);
    const first = round(time * RATE);
    for (let i = 0; i < 1.5 * RATE && first + i < out.length; i++) {
      const [at, next] = [i % period, (i + 1) % period];
      const sample = string[at] ?? 0;
      out[first + i] = (out[first + i] ?? 0) + 0.25 * sample;
      string[at] = 0.498 * (sample + (string[next] ?? 0));
    }
  }
  return out;
}
/** Bass drum on the beat, snare between beats, hi-hats twice as often; 120 beats per minute. */
function drums(seconds: number): Float32Array {
  const random = randomNumbers(14);
  const bass = events(
    every(0.5, 0, 0),
    0.25,
    (t) => 0.5 * sin(2 * PI * (50 * t + 6 * (1 - exp(-t * 30)))) * exp(-t * 14),
  )(seconds);
  const snare = events(
    every(1, 0, 0.5),
    0.2,
    (t) => 0.25 * random() * exp(-t * 22) + 0.15 * sine(190, t) * exp(-t * 25),
  )(seconds);
  const hat = events(every(0.25, 0, 0), 0.05, (t) => 0.1 * random() * exp(-t * 90))(seconds);
  return bass.map((x, i) => x + (snare[i] ?? 0) + (hat[i] ?? 0));
}
function band(seconds: number): Float32Array {
  const parts = [drums(seconds), strings(seconds), piano(seconds)];
  return made(seconds, (_, i) => 0.6 * parts.reduce((sum, part) => sum + (part[i] ?? 0), 0));
}
/** Square waves, as in old games. */
const chip: Sound = (seconds) =>
  made(seconds, (t) => {
    const f = hertz(12 + (MELODY[floor(t * 8) % MELODY.length] ?? 0));
    return 0.08 * (sign(sine(f, t)) + sign(sine(f / 4, t)));
  });
const musicBox: Sound = events(every(0.3, 0, 0.1), 1.5, (t, which) => {
  const f = hertz(24 + (MELODY[(which * 5) % MELODY.length] ?? 0));
  return 0.15 * (sine(f, t) + 0.4 * sine(f * 2.76, t) + 0.2 * sine(f * 5.4, t)) * exp(-t * 4);
});
/** A sliding lead with two formants: closer to a voice than any other instrument here. */
const lead: Sound = (seconds) => {
  const formants = [resonator(600, 90), resonator(1100, 120)];
  let phase = 0;
  return atLevel(
    made(seconds, (t) => {
      const note = MELODY[floor(t / 0.8) % MELODY.length] ?? 0;
      phase = (phase + (hertz(note) * (1 + 0.02 * sine(5, t))) / RATE) % 1;
      const x = 2 * phase - 1;
      return formants.reduce((sum, pass) => sum + pass(x), 0);
    }),
    decibels(-22),
  );
};

/** All sounds by name. */
export const NON_SPEECH: ReadonlyMap<string, Sound> = new Map<string, Sound>([
  ['digital silence', (seconds) => new Float32Array(round(seconds * RATE))],
  ...[-70, -55, -40].map((level): [string, Sound] => [`room, ${level} dB`, quiet(low(400, 1), level)]),
  ...[-60, -40, -25, -10].map((level): [string, Sound] => [
    `white noise, ${level} dB`,
    quiet(white(1), level),
  ]),
  ...[-60, -40, -25, -10].map((level): [string, Sound] => [`pink noise, ${level} dB`, quiet(pink, level)]),
  ...[-45, -15].map((level): [string, Sound] => [`hum of 50 Hz, ${level} dB`, hum(50, level)]),
  ['hum of 60 Hz, -30 dB', hum(60, -30)],
  ['wind', wind],
  ['rain', rain],
  ['engine', engine],
  ['keyboard', keyboard],
  ['knocks at a door', knocks],
  ['cough', cough],
  ['breathing', breathing],
  ['applause', applause],
  ['birds', birds],
  ['whistling', whistle],
  ['siren', siren],
  ['dialling', dialling],
  ['dial tone', dialTone],
  ['ringing, as the caller hears it', ringback],
  ['engaged tone', engaged],
  ['telephone bell', bell],
  ['piano', piano],
  ['organ', organ],
  ['strings', strings],
  ['flute', flute],
  ['guitar', guitar],
  ['drums', drums],
  ['band', band],
  ['chip tune', chip],
  ['music box', musicBox],
  ['lead synthesiser', lead],
]);
