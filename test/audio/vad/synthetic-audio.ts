/** The synthetic audio of test/reference/make-vad-fixtures.py, computed identically as 16-bit numbers. */
const RATE = 16_000;

function silence(seconds: number): number[] {
  return Array.from({ length: RATE * seconds }, () => 0);
}

/** The upper 16 bits of Numerical Recipes' generator. */
function noise(seconds: number, amplitude: number): number[] {
  let state = 1;
  return Array.from({ length: Math.trunc(RATE * seconds) }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((((state >>> 16) - 32_768) * amplitude) / 32_768);
  });
}

function tones(seconds: number, amplitude: number, frequencies: readonly number[], decay = 0): number[] {
  return Array.from({ length: RATE * seconds }, (_, n) => {
    const t = n / RATE;
    const sum = frequencies.reduce((total, f) => total + Math.sin(2 * Math.PI * f * t), 0);
    return Math.floor((amplitude * Math.exp(-decay * (t % 1)) * sum) / frequencies.length + 0.5);
  });
}

const GENERATORS: Readonly<Record<string, () => number[]>> = {
  silence: () => silence(2),
  room: () => noise(3, 60),
  hum: () => tones(3, 3000, [50, 100, 150, 250]),
  chords: () => tones(4, 12_000, [261.63, 329.63, 392, 523.25], 3),
  burst: () => [...noise(0.5, 20), ...noise(0.2, 20_000), ...noise(0.8123, 20)],
  short: () => noise(0.02, 3000),
};

export function syntheticAudio(name: string): Float32Array {
  const make = GENERATORS[name];
  if (make === undefined) throw new Error(`unknown synthetic audio: ${name}`);
  return Float32Array.from(make(), (sample) => sample / 32_768);
}
