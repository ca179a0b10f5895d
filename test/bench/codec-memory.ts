/**
 * Peak memory of codecs by length of the audio: encodes and decodes as many frames as minutes and an hour have.
 *
 *     npm run bench -- codec-memory [--minutes 1,60] [DIR …]
 *
 * Without directories, the tiny checkpoints of the tests: memory that grows with the length grows with them too, and an hour of
 * their frames takes a minute. Exits with 1 if the longest needs over a tenth more than the shortest.
 */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { loadModel } from '#daemon/models/registry.js';
import { asCodec, type AudioCodec, type AudioStream } from '#daemon/models/speech-model.js';
import { joinCodes, type Codes } from '#daemon/protocol/codec.js';
import { mx } from '#native/index.js';
import { printTable, saveResult } from './report.js';

/** Of Encodec 24 and DAC 24; other codecs have fewer. */
const FRAMES_PER_MINUTE = 75 * 60;
const BLOCK = 4096;
const MAX_GROWTH = 1.1;
const TINY = ['encodec-causal', 'encodec-segments', 'mimi-tiny', 'snac-24khz', 'snac-32khz', 'dac-44khz'];
const { signal } = new AbortController();

interface Peak {
  readonly codec: string;
  readonly minutes: number;
  readonly encodeBytes: number;
  readonly decodeBytes: number;
  readonly seconds: number;
}

export async function codecMemory(argv: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: argv,
    options: {
      minutes: { type: 'string', default: '1,60' },
      'save-baseline': { type: 'boolean', default: false },
    },
    allowPositionals: true,
  });
  const minutes = values.minutes.split(',').map(Number);
  const folder = mkdtempSync(join(tmpdir(), 'sotto-codec-memory-'));
  let peaks: Peak[];
  try {
    peaks = await peaksOf(positionals.length > 0 ? positionals : tinyDirectories(folder), minutes);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  printTable(
    ['codec', 'minutes of frames', 'encode, peak KB', 'decode, peak KB', 's'],
    peaks.map(({ codec, minutes: length, encodeBytes, decodeBytes, seconds }) => [
      ...[codec, String(length), kilobytes(encodeBytes), kilobytes(decodeBytes), seconds.toFixed(0)],
    ]),
  );
  saveResult('codec-memory', { peaks }, values['save-baseline']);
}

async function peaksOf(dirs: readonly string[], minutes: readonly number[]): Promise<Peak[]> {
  const peaks: Peak[] = [];
  for (const dir of dirs) {
    const codec = asCodec(await loadModel(dir));
    const own: Peak[] = [];
    for (const length of minutes) own.push(await measured(codec, basename(dir), length));
    codec.dispose();
    peaks.push(...own);
    for (const which of ['encodeBytes', 'decodeBytes'] as const) {
      if ((own.at(-1)?.[which] ?? 0) <= MAX_GROWTH * (own[0]?.[which] ?? 0)) continue;
      console.error(`memory grows with the length: ${basename(dir)}, ${which}`);
      process.exitCode = 1;
    }
  }
  return peaks;
}

async function measured(codec: AudioCodec, name: string, minutes: number): Promise<Peak> {
  const shape = codec.capabilities.codec;
  if (shape === undefined) throw new Error(`${name} is no codec`);
  const samples = Math.round((FRAMES_PER_MINUTE * minutes * shape.sampleRate) / shape.framesPerSecond);
  const begin = performance.now();
  const parts: Codes[] = [];
  const encodeBytes = await peakOf(async () => {
    for await (const codes of codec.encode(streamOf(samples, shape.sampleRate), {}, signal))
      parts.push(codes);
  });
  const encoded = { ...joinCodes(parts), samples };
  let decoded = 0;
  const decodeBytes = await peakOf(async () => {
    for await (const audio of codec.decode(encoded, signal)) decoded += audio.length;
  });
  if (decoded < samples) throw new Error(`${name}: ${decoded} samples instead of ${samples}`);
  return { codec: name, minutes, encodeBytes, decodeBytes, seconds: (performance.now() - begin) / 1000 };
}

async function peakOf(work: () => Promise<void>): Promise<number> {
  mx.memory.clearCache();
  mx.memory.resetPeak();
  const before = mx.memory.active();
  await work();
  return mx.memory.peak() - before;
}

/** A tone that is made block by block. */
function streamOf(count: number, sampleRate: number): AudioStream {
  const samples = async function* (): AsyncGenerator<Float32Array, void> {
    for (let at = 0; at < count; at += BLOCK) {
      await Promise.resolve();
      const length = Math.min(BLOCK, count - at);
      yield Float32Array.from({ length }, (_, i) => 0.1 * Math.sin(0.05 * (at + i)));
    }
  };
  return { durationSeconds: count / sampleRate, samples: samples() };
}

/** The packed checkpoints of the tests, unpacked into a folder. */
function tinyDirectories(folder: string): string[] {
  return TINY.map((name) => {
    const [from, to] = [join('test/fixtures/codecs', name), join(folder, name)];
    mkdirSync(to);
    copyFileSync(join(from, 'config.json'), join(to, 'config.json'));
    const weights = gunzipSync(readFileSync(join(from, 'model.safetensors.gz')));
    writeFileSync(join(to, 'model.safetensors'), weights);
    return to;
  });
}

const kilobytes = (bytes: number): string => (bytes / 1e3).toFixed(0);
