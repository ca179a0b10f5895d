/**
 * The engine's peak memory by length of the audio: hours of silence, as from a forgotten recorder, and minutes of speech.
 * Each file has its own engine. Exits with 1 if the longest silence needs over `--max-growth-mb` more than the shortest.
 */
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { samplesOf } from '#test/harness/sample-speech.js';
import { wavHead } from '#test/harness/wav-head.js';
import { LONG_FORM, pickClips } from './clips.js';
import { EngineClient } from './engine-client.js';
import { starterModel } from './in-process.js';
import { printTable, saveResult } from './report.js';

const RATE = 16_000;
const MB = 1e6;
const SAMPLE_EVERY_MS = 250;

interface Measured {
  readonly input: string;
  readonly seconds: number;
  readonly peakRssBytes: number;
  readonly elapsedSeconds: number;
  readonly characters: number;
}

export async function memoryLength(argv: string[]): Promise<void> {
  const { values: args } = parseArgs({
    args: argv,
    options: {
      model: { type: 'string', default: starterModel() },
      hours: { type: 'string', default: '1,3,6,10' },
      minutes: { type: 'string', default: '5,25' },
      'max-growth-mb': { type: 'string', default: '48' },
      'save-baseline': { type: 'boolean', default: false },
    },
  });
  const numbers = (list: string): number[] => list.split(',').filter(Boolean).map(Number);
  const folder = mkdtempSync(join(tmpdir(), 'sotto-memory-length-'));
  const silence: Measured[] = [];
  const speech: Measured[] = [];
  try {
    const path = join(folder, 'audio.wav');
    for (const hours of numbers(args.hours)) {
      writeWav(path, hours * 3600 * RATE);
      silence.push(await measure(args.model, path, `silence, ${hours} h`, hours * 3600));
    }
    const minutes = numbers(args.minutes);
    const clip = minutes.length === 0 ? new Float32Array(0) : await samplesOf(longClip());
    for (const length of minutes) {
      writeWav(path, length * 60 * RATE, clip);
      speech.push(await measure(args.model, path, `speech, ${length} min`, length * 60));
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const measured = [...silence, ...speech];
  printTable(
    ['input', 'peak RSS, MB', 'time, s', 'characters of text'],
    measured.map(({ input, peakRssBytes, elapsedSeconds, characters }) => [
      input,
      (peakRssBytes / MB).toFixed(0),
      elapsedSeconds.toFixed(0),
      String(characters),
    ]),
  );
  saveResult('memory-length', { measured }, args['save-baseline']);
  const growth = ((silence.at(-1)?.peakRssBytes ?? 0) - (silence[0]?.peakRssBytes ?? 0)) / MB;
  if (growth > Number(args['max-growth-mb'])) {
    console.error(`memory grows with silence: ${growth.toFixed(0)} MB`);
    process.exitCode = 1;
  }
}

async function measure(dir: string, path: string, input: string, seconds: number): Promise<Measured> {
  const engine = new EngineClient({ name: basename(dir), dir });
  try {
    await engine.load();
    const begin = performance.now();
    let isOver = false;
    const run = engine.run(path, { language: 'en' }).finally(() => (isOver = true));
    let peakRssBytes = 0;
    while (!isOver) {
      peakRssBytes = Math.max(peakRssBytes, (await engine.figures()).rssBytes);
      await Promise.race([run, new Promise((resolve) => setTimeout(resolve, SAMPLE_EVERY_MS))]);
    }
    const { outcome, message, text } = await run;
    if (outcome !== 'done') throw new Error(`${input}: ${outcome}, ${message ?? ''}`);
    const elapsedSeconds = (performance.now() - begin) / 1000;
    console.error(`${input}: ${(peakRssBytes / MB).toFixed(0)} MB, ${elapsedSeconds.toFixed(0)} s`);
    return { input, seconds, peakRssBytes, elapsedSeconds, characters: text.length };
  } finally {
    engine.stop();
  }
}

function longClip(): string {
  const path = pickClips([LONG_FORM])[0]?.file;
  if (path === undefined) throw new Error(`${LONG_FORM} is missing: --minutes '' measures only silence`);
  return path;
}

/** Writes 16-bit mono at 16 kHz: `clip` repeated, or a sparse file of silence without it. */
function writeWav(path: string, samples: number, clip: Float32Array = new Float32Array(0)): void {
  const head = wavHead(samples, RATE);
  const fd = openSync(path, 'w');
  try {
    writeSync(fd, head);
    const pcm = Int16Array.from(clip, (value) =>
      Math.max(-32_768, Math.min(32_767, Math.round(value * 32_768))),
    );
    for (let at = 0; pcm.length > 0 && at < samples; at += pcm.length) {
      const part = pcm.subarray(0, Math.min(pcm.length, samples - at));
      writeSync(fd, new Uint8Array(part.buffer, 0, part.byteLength));
    }
    ftruncateSync(fd, head.length + 2 * samples);
  } finally {
    closeSync(fd);
  }
}
