import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openAudio } from '#daemon/audio/decode-file.js';
import { wavData, wavHeader, type WavFormat } from '#daemon/signal/wav-format.js';

const SAMPLES = Float32Array.from({ length: 5000 }, (_, i) => Math.sin(i / 7) * 0.9);

let folder: string;
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'so-wav-'))));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function read(path: string): Promise<number[]> {
  const audio = await openAudio(path);
  const samples: number[] = [];
  for await (const piece of audio.samples) samples.push(...piece);
  await audio.close();
  return samples;
}

describe.each<[WavFormat, number]>([
  ['int16', 1 / 65_536],
  ['float32', 0],
])('WAV of %s', (format, maxError) => {
  test.each([
    ['with its length', SAMPLES.length],
    ['streamed', undefined],
  ])('is read back %s', async (name, samples) => {
    const path = join(folder, `${format} ${name}.wav`);
    const header = wavHeader({ sampleRate: 16_000, format, ...(samples !== undefined && { samples }) });
    writeFileSync(path, Buffer.concat([header, wavData(SAMPLES, format)]));
    const found = await read(path);
    expect(found).toHaveLength(SAMPLES.length);
    const errors = found.map((sample, i) => Math.abs(sample - (SAMPLES[i] ?? NaN)));
    expect(Math.max(...errors)).toBeLessThanOrEqual(maxError);
  });
});

test('the header says how many bytes follow, if that fits into 32 bits', () => {
  const sizes = (samples?: number) => {
    const header = wavHeader({
      sampleRate: 24_000,
      format: 'float32',
      ...(samples !== undefined && { samples }),
    });
    const view = new DataView(header.buffer);
    return [header.length, view.getUint32(4, true), view.getUint32(header.length - 4, true)];
  };
  expect(sizes(10)).toEqual([58, 58 - 8 + 40, 40]);
  expect(sizes()).toEqual([58, 0xffff_ffff, 0xffff_ffff]);
  expect(sizes(2 ** 30)).toEqual([58, 0xffff_ffff, 0xffff_ffff]);
});

test('samples louder than full scale are clipped', () => {
  expect([...new Int16Array(wavData(Float32Array.of(2, -2, 0), 'int16').slice().buffer)]).toEqual([
    32_767, -32_768, 0,
  ]);
});
