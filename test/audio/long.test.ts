import { spawnSync } from 'node:child_process';
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { openAudio } from '#daemon/audio/decode-file.js';
import { scratch, wav } from './fixtures.js';

const files = scratch();
afterAll(files.remove);

/** Creates a sparse WAV of silence. */
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

/**
 * Decodes in a separate process; prints the maximum growth of its memory and how often a timer ran. Collects garbage
 * before each measurement (twice, for the buffers that the first run releases), because the amount of garbage depends
 * on the load of the machine.
 */
const MEASURE = `
  import { openAudio } from ${JSON.stringify(new URL('../../daemon/src/audio/decode-file.js', import.meta.url).href)};
  const [path, hours, secondsBetween] = process.argv.slice(1);
  function measure() {
    gc();
    gc();
    const { heapUsed, external, rss } = process.memoryUsage();
    return { held: heapUsed + external, rss };
  }
  const before = measure();
  const max = { ...before };
  let ticks = 0;
  setInterval(() => ticks++, 5).unref();
  const audio = await openAudio(path);
  let samples = 0;
  let chunks = 0;
  for await (const chunk of audio.samples) {
    samples += chunk.length;
    if (++chunks % Number(secondsBetween) === 0) {
      const now = measure();
      max.held = Math.max(max.held, now.held);
      max.rss = Math.max(max.rss, now.rss);
    }
    if (samples >= 16000 * 3600 * Number(hours)) break;
  }
  await audio.close();
  const heapGrowthMiB = (max.held - before.held) / 2 ** 20;
  const rssGrowthMiB = (max.rss - before.rss) / 2 ** 20;
  console.log(JSON.stringify({ samples, ticks, heapGrowthMiB, rssGrowthMiB, duration: audio.durationSeconds }));
`;

/** Memory held by the decoder. Twelve minutes of its output are 44 MiB, ten hours 2,200; 1 to 2 were measured. */
const MAX_HEAP_GROWTH_MIB = 8;
/** Includes code, memory outside the heap, and up to 20 MiB of garbage; 24 to 26 were measured. */
const MAX_RSS_GROWTH_MIB = 48;

describe('long files', () => {
  test.each([
    ['ten hours at 16 kHz', { sampleRate: 16000, channels: 1, bits: 8, hours: 10 }, 10, 100],
    [
      'twelve minutes of five hours in stereo at 48 kHz',
      { sampleRate: 48000, channels: 2, bits: 16, hours: 5 },
      0.2,
      20,
    ],
  ] as const)(
    '%s need a few dozen MiB and do not block the event loop',
    (_name, options, readHours, secondsBetween) => {
      const path = longWav(`${options.hours}h.wav`, options);
      const { stdout, stderr } = spawnSync(
        process.execPath,
        [
          '--expose-gc',
          '--input-type=module',
          '-e',
          MEASURE,
          path,
          String(readHours),
          String(secondsBetween),
        ],
        { encoding: 'utf8', timeout: 110_000 },
      );
      expect(stderr).toBe('');
      const { samples, ticks, heapGrowthMiB, rssGrowthMiB, duration } = JSON.parse(stdout) as Record<
        string,
        number
      >;
      expect(samples).toBe(readHours * 3600 * 16000);
      expect(duration).toBe(options.hours * 3600);
      expect(heapGrowthMiB).toBeLessThan(MAX_HEAP_GROWTH_MIB);
      expect(rssGrowthMiB).toBeLessThan(MAX_RSS_GROWTH_MIB);
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
