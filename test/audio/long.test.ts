import { spawnSync } from 'node:child_process';
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { openAudio } from '#daemon/audio/decode-file.js';
import { scratch, wav } from './fixtures.js';

const files = scratch();
afterAll(files.remove);

/** A WAV of silence that takes no room on the disk. */
function longWav(
  name: string,
  options: { sampleRate: number; channels: number; bits: number; hours: number },
): string {
  const { sampleRate, channels, bits, hours } = options;
  const bytes = hours * 3600 * sampleRate * channels * (bits / 8);
  const head = wav(new Uint8Array(0), { ...options, dataSize: bytes });
  const path = join(files.folder, name);
  const fd = openSync(path, 'w');
  writeSync(fd, head);
  ftruncateSync(fd, head.length + bytes);
  closeSync(fd);
  return path;
}

/** Decodes in a process of its own; growth of its memory at most, and the longest time that a timer had to wait. */
const MEASURE = `
  import { openAudio } from ${JSON.stringify(new URL('../../daemon/src/audio/decode-file.js', import.meta.url).href)};
  const before = process.memoryUsage().rss;
  let peak = before;
  let ticks = 0;
  setInterval(() => ticks++, 5).unref();
  const audio = await openAudio(process.argv[1]);
  let samples = 0;
  let chunks = 0;
  for await (const chunk of audio.samples) {
    samples += chunk.length;
    if (++chunks % 100 === 0) peak = Math.max(peak, process.memoryUsage().rss);
    if (samples >= 16000 * 3600 * Number(process.argv[2])) break;
  }
  await audio.close();
  console.log(JSON.stringify({ samples, ticks, grewMiB: (peak - before) / 2 ** 20, duration: audio.durationSeconds }));
`;

/** All of ten hours would be 2,200. How much garbage is about depends on how busy the machine is: 45 to 65 were seen. */
const MOST_MIB = 96;

describe('long files', () => {
  test.each([
    ['ten hours at 16 kHz', { sampleRate: 16000, channels: 1, bits: 8, hours: 10 }, 10],
    [
      'twelve minutes of five hours in stereo at 48 kHz',
      { sampleRate: 48000, channels: 2, bits: 16, hours: 5 },
      0.2,
    ],
  ] as const)(
    '%s stay within a few dozen MiB, and the event loop stays live',
    (_name, options, readHours) => {
      const path = longWav(`${options.hours}h.wav`, options);
      const { stdout, stderr } = spawnSync(
        process.execPath,
        ['--input-type=module', '-e', MEASURE, path, String(readHours)],
        { encoding: 'utf8', timeout: 110_000 },
      );
      expect(stderr).toBe('');
      const { samples, ticks, grewMiB, duration } = JSON.parse(stdout) as Record<string, number>;
      expect(samples).toBe(readHours * 3600 * 16000);
      expect(duration).toBe(options.hours * 3600);
      expect(grewMiB).toBeLessThan(MOST_MIB);
      expect(ticks).toBeGreaterThan(10);
    },
  );

  test('a reader that stops pulling stops the decoder', async () => {
    const path = longWav('idle.wav', { sampleRate: 16000, channels: 1, bits: 16, hours: 1 });
    const audio = await openAudio(path);
    const samples = audio.samples[Symbol.asyncIterator]();
    await samples.next();
    const held = process.memoryUsage().arrayBuffers;
    await new Promise((done) => setTimeout(done, 200));
    expect(process.memoryUsage().arrayBuffers - held).toBeLessThan(1 << 20);
    await audio.close();
  });
});
