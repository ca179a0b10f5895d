/** What one use of a model takes, in a process of its own: `node memory-worker.js DIR USE [once]`, one line of JSON. */
import { readFileSync } from 'node:fs';
import { openAudio } from '#daemon/audio/decode-file.js';
import { limitCache } from '#daemon/engine/cache-limit.js';
import { loadModel } from '#daemon/models/registry.js';
import type { SpeechModel } from '#daemon/models/speech-model.js';
import { whisperFootprint, type WhisperFootprint } from '#daemon/models/whisper/memory/whisper-footprint.js';
import type { Workload } from '#daemon/models/whisper/memory/work-bytes.js';
import type { TranscribeOptions } from '#daemon/protocol/transcription.js';
import { mx } from '#native/index.js';
import { LONG_FORM, pickClips, readClips } from './clips.js';
import { transcribe } from './in-process.js';

export type { Workload };

export interface Measured {
  readonly predicted: WhisperFootprint;
  /** Of the weights, counted array by array. */
  readonly weightBytes: number;
  /** By MLX's account. */
  readonly activeBytes: number;
  /** The most at once while it loaded. */
  readonly loadPeakBytes: number;
  /** The most at once while it worked, above the weights. */
  readonly workBytes: number;
  readonly rssBytes: number;
  readonly peakRssBytes: number;
}

const SAMPLE_RATE = 16_000;
/** More than three windows: the last but one is decoded while another is read. */
const SECONDS = 95;
/** More than dictation keeps in its window. */
const LIVE_SECONDS = 24;
const DECODE_INTERVAL_SECONDS = 2;

/** From a file, so that reading takes its turns with the model as it does for a user. */
async function* speech(seconds: number): AsyncGenerator<Float32Array, void> {
  const [clip] = pickClips([LONG_FORM]);
  const longest = readClips().sort((a, b) => b.seconds - a.seconds);
  for (let left = seconds * SAMPLE_RATE; left > 0;) {
    const audio = await openAudio((clip ?? longest[0])?.file ?? '');
    try {
      for await (const piece of audio.samples) {
        yield piece.subarray(0, left);
        left -= piece.length;
        if (left <= 0) return;
      }
    } finally {
      await audio.close();
    }
  }
}

async function dictate(model: SpeechModel): Promise<void> {
  const session = model.live?.({ language: 'en' });
  if (session === undefined) throw new Error(`${model.name} cannot take dictation`);
  const { signal } = new AbortController();
  try {
    let newSamples = 0;
    for await (const piece of speech(LIVE_SECONDS)) {
      session.push(piece);
      newSamples += piece.length;
      if (newSamples < DECODE_INTERVAL_SECONDS * SAMPLE_RATE) continue;
      await session.update(signal);
      newSamples = 0;
    }
    await session.finish(signal);
  } finally {
    session.dispose();
  }
}

/** Linux counts the parent's size into getrusage's figure until this program was loaded; the status file does not. */
function peakRssBytes(): number {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS * 1024;
  return 1024 * Number(/VmHWM:\s*(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? NaN);
}

async function measure(dir: string, use: Workload, once: boolean): Promise<Measured> {
  const predicted = await whisperFootprint(dir);
  limitCache();
  const before = mx.memory.active();
  mx.memory.resetPeak();
  const model = await loadModel(dir);
  const loadPeakBytes = mx.memory.peak() - before;
  const activeBytes = mx.memory.active() - before;
  const { weightBytes } = model;
  mx.memory.resetPeak();
  const options: TranscribeOptions = {
    language: 'en',
    ...(use === 'words' && { wordTimestamps: true }),
    ...(once && { temperature: [0] }),
  };
  if (use === 'live') await dictate(model);
  else await transcribe(model, { durationSeconds: SECONDS, samples: speech(SECONDS) }, options);
  const workBytes = mx.memory.peak() - before - weightBytes;
  const rssBytes = process.memoryUsage.rss();
  model.dispose();
  return {
    predicted,
    weightBytes,
    activeBytes,
    loadPeakBytes,
    workBytes,
    rssBytes,
    peakRssBytes: peakRssBytes(),
  };
}

const [, , dir = '', use = 'file', once] = process.argv;
console.log(JSON.stringify(await measure(dir, use as Workload, once === 'once')));
