/** Audio files of every format, written part by part and read back by the readers of Sotto. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openAudio } from '#daemon/audio/decode-file.js';
import { toPcm16 } from '#daemon/signal/pcm16.js';
import { audioFormatOf, createAudioEncoder, type AudioFormat } from '#daemon/writers/audio/audio-format.js';
import { seededRandom } from '#test/harness/seeded-random.js';

let folder: string;
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'so-audio-'))));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const FORMATS: AudioFormat[] = ['wav', 'flac', 'mp3', 'opus'];
const RATES = [16_000, 22_050, 24_000, 44_100, 48_000];

const { PI, sin } = Math; // globals in tests are slow

/** A chord below 3 kHz that swells and fades, with a little noise. */
function chord(length: number, sampleRate: number): Float32Array {
  const random = seededRandom(3);
  return Float32Array.from({ length }, (_, i) => {
    const time = i / sampleRate;
    const tones = [220, 331, 1_405, 2_600].map((hertz) => sin(2 * PI * hertz * time));
    const swell = 0.5 + 0.5 * sin(2 * PI * 3 * time);
    return 0.15 * swell * tones.reduce((sum, tone) => sum + tone, 0) + 0.002 * (random() - 0.5);
  });
}

/** Writes the file as a command does. @param partLengths taken in turn */
async function write(
  format: AudioFormat,
  samples: Float32Array,
  sampleRate: number,
  partLengths = [777, 1, 5_000, 0, 4_096],
): Promise<string> {
  const encoder = await createAudioEncoder({ format, sampleRate, samples: 'int16' });
  const head = encoder.begin();
  const parts = [head];
  for (let at = 0, turn = 0; at < samples.length; turn++) {
    const length = partLengths[turn % partLengths.length] as number;
    parts.push(encoder.encode(samples.subarray(at, at + length)));
    at += length;
  }
  const end = encoder.finish();
  encoder.free();
  const file = Buffer.concat([...parts, end.tail]);
  if (end.head !== undefined) {
    expect(end.head).toHaveLength(head.length);
    file.set(end.head);
  }
  const path = join(folder, `${samples.length}-${sampleRate}.${format}`);
  writeFileSync(path, file);
  return path;
}

async function read(path: string, sampleRate: number): Promise<Float32Array> {
  const audio = await openAudio(path, { sampleRate });
  const parts: Float32Array[] = [];
  for await (const part of audio.samples) parts.push(part.slice());
  await audio.close();
  const samples = new Float32Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    samples.set(part, at);
    at += part.length;
  }
  return samples;
}

/** Signal to noise in decibels, at the same place: a shift of one sample would show. */
function signalToNoise(samples: Float32Array, decoded: Float32Array): number {
  let [signal, noise] = [0, 0];
  for (const [i, sample] of samples.entries()) {
    signal += sample ** 2;
    noise += (sample - (decoded[i] ?? 0)) ** 2;
  }
  return 10 * Math.log10(signal / noise);
}

const MIN_DECIBELS: Readonly<Record<AudioFormat, number>> = { wav: 60, flac: 60, mp3: 20, opus: 12 };

describe.each(FORMATS)('%s', (format) => {
  test.each(RATES)('at %i Hz is as long as the samples, and sounds like them', async (sampleRate) => {
    const samples = chord(sampleRate / 2 + 123, sampleRate);
    const path = await write(format, samples, sampleRate);
    const decoded = await read(path, sampleRate);
    expect(decoded).toHaveLength(samples.length);
    expect(signalToNoise(samples, decoded)).toBeGreaterThan(MIN_DECIBELS[format]);
    const audio = await openAudio(path);
    await audio.close();
    expect(audio.container).toBe(format === 'opus' ? 'ogg' : format);
    expect(audio.durationSeconds).toBeCloseTo(samples.length / sampleRate, 3);
  });

  test.each([1, 2, 5, 311, 960, 4_096, 4_097, 8_192])('of %i samples is as long', async (length) => {
    const samples = chord(length, 16_000);
    await expect(read(await write(format, samples, 16_000), 16_000)).resolves.toHaveLength(length);
  });

  test('without audio is a file that says so', async () => {
    const path = await write(format, new Float32Array(0), 24_000);
    await expect(read(path, 24_000)).rejects.toMatchObject({ code: 'AUDIO_EMPTY' });
  });

  test('is the same however the samples are divided', async () => {
    const samples = chord(9_000, 24_000);
    const files: Buffer[] = [];
    for (const lengths of [[9_000], [7], [4_096, 333]])
      files.push(withoutSerial(format, readFileSync(await write(format, samples, 24_000, lengths))));
    expect(files[1]).toEqual(files[0]);
    expect(files[2]).toEqual(files[0]);
  });

  test('gives out its bytes as it goes', async () => {
    const encoder = await createAudioEncoder({ format, sampleRate: 16_000, samples: 'int16' });
    const second = chord(16_000, 16_000);
    const written = [encoder.begin().length];
    for (let i = 0; i < 8; i++) written.push(encoder.encode(second).length);
    written.push(encoder.finish().tail.length);
    encoder.free();
    expect(Math.max(...written)).toBeLessThan(40_000);
    expect(Math.min(...written.slice(3, -1))).toBeGreaterThan(4_000);
  });
});

/** Opus numbers its streams at random, and its pages’ checksums follow. */
function withoutSerial(format: AudioFormat, file: Buffer): Buffer {
  if (format !== 'opus') return file;
  for (let at = file.indexOf('OggS'); at >= 0; at = file.indexOf('OggS', at + 4)) {
    file.fill(0, at + 14, at + 18);
    file.fill(0, at + 22, at + 26);
  }
  return file;
}

describe('FLAC', () => {
  const random = seededRandom(5);
  test.each<[string, Float32Array]>([
    ['a chord', chord(50_001, 24_000)],
    ['silence', new Float32Array(10_000)],
    ['full scale', Float32Array.from({ length: 9_000 }, (_, i) => (i % 2 === 0 ? 2 : -2))],
    ['noise', Float32Array.from({ length: 9_000 }, () => 2 * random() - 1)],
    ['a ramp', Float32Array.from({ length: 40_000 }, (_, i) => i / 40_000)],
  ])('keeps every bit of %s', async (_name, samples) => {
    const path = await write('flac', samples, 24_000);
    const pcm = toPcm16(samples);
    expect(toPcm16(await read(path, 24_000))).toEqual(pcm);
    const file = readFileSync(path);
    const bytes = new Uint8Array(pcm.buffer);
    expect(file.subarray(26, 42)).toEqual(createHash('md5').update(bytes).digest());
    expect(file.length).toBeLessThan(bytes.length + 200);
  });

  test.each([11_025, 12_345, 88_200, 96_000, 100_000])('has %i Hz', async (sampleRate) => {
    const samples = chord(9_000, sampleRate);
    expect(toPcm16(await read(await write('flac', samples, sampleRate), sampleRate))).toEqual(
      toPcm16(samples),
    );
  });

  test('numbers frames beyond one byte', async () => {
    const samples = new Float32Array(4_096 * 131).fill(0.25, 4_096 * 130);
    const decoded = await read(await write('flac', samples, 48_000), 48_000);
    expect(decoded).toHaveLength(samples.length);
    expect(decoded.indexOf(0.25)).toBe(4_096 * 130);
  });
});

test.each([
  [18_000, 22_050],
  [96_000, 48_000],
])('MP3 of %i Hz is written at %i Hz', async (sampleRate, expected) => {
  const samples = chord(sampleRate, sampleRate);
  const path = await write('mp3', samples, sampleRate);
  const audio = await openAudio(path);
  await audio.close();
  expect(audio.sampleRate).toBe(expected);
  const decoded = await read(path, sampleRate);
  expect(Math.abs(decoded.length - samples.length)).toBeLessThanOrEqual(1);
  expect(signalToNoise(samples, decoded)).toBeGreaterThan(20);
});

describe('the format of a file', () => {
  test.each<[string, AudioFormat]>([
    ['a.wav', 'wav'],
    ['a.b/c', 'wav'],
    ['A.FLAC', 'flac'],
    ['a.b.mp3', 'mp3'],
    ['x.opus', 'opus'],
  ])('%s is %s', (path, format) => {
    expect(audioFormatOf(path, 'int16')).toBe(format);
  });

  test.each(['a.m4a', 'a.aac', 'a.ogg', 'a.1', 'a.wave'])('%s is refused', (path) => {
    expect(() => audioFormatOf(path, 'int16')).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        message: `audio can’t be written as ${path.slice(1)}`,
        hint: 'name a .wav, .flac, .mp3 or .opus file',
      }),
    );
  });

  test('float samples need WAV', () => {
    expect(audioFormatOf('a.wav', 'float32')).toBe('wav');
    expect(audioFormatOf('a', 'float32')).toBe('wav');
    expect(() => audioFormatOf('a.flac', 'float32')).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: 'a .flac file can’t hold float samples' }),
    );
  });
});
