/** Measures the memory of a workload in a separate process: `node memory-worker.js DIR USE [once]`, prints one line of JSON. */
import { readFileSync } from 'node:fs';
import { openAudio } from '#daemon/audio/decode-file.js';
import { limitCache } from '#daemon/engine/cache-limit.js';
import { loadRecognizer } from '#daemon/models/registry.js';
import type { Recognizer } from '#daemon/models/speech-model.js';
import { whisperFootprint, type WhisperFootprint } from '#daemon/models/whisper/memory/whisper-footprint.js';
import type { Workload } from '#daemon/models/whisper/memory/work-bytes.js';
import type { TranscribeOptions } from '#daemon/protocol/transcription.js';
import { mx } from '#native/index.js';
import { LONG_FORM, pickClips, readClips } from './clips.js';
import { transcribe } from './in-process.js';

export type { Workload };

export interface Measured {
  readonly predicted: WhisperFootprint;
  /** Memory of the weights, summed over the arrays. */
  readonly weightBytes: number;
  /** Active memory reported by MLX. */
  readonly activeBytes: number;
  /** Peak during the load. */
  readonly loadPeakBytes: number;
  /** Peak during the workload, without the weights. */
  readonly workBytes: number;
  readonly rssBytes: number;
  readonly peakRssBytes: number;
}

const SAMPLE_RATE = 16_000;
/** More than three windows, so that a window is decoded while another is read. */
const SECONDS = 95;
/** Longer than the window of a dictation. */
const LIVE_SECONDS = 24;
const DECODE_INTERVAL_SECONDS = 2;

/** Reads speech from a file, so that reading alternates with the model as in normal use. */
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

async function dictate(model: Recognizer): Promise<void> {
  const session = model.stream?.({ language: 'en' });
  if (session === undefined) throw new Error(`${model.name} does not support dictation`);
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

/** On Linux, getrusage includes the size of the parent until exec; the status file does not. */
function peakRssBytes(): number {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS * 1024;
  return 1024 * Number(/VmHWM:\s*(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? NaN);
}

async function measure(dir: string, use: Workload, once: boolean): Promise<Measured> {
  const predicted = await whisperFootprint(dir);
  limitCache();
  const before = mx.memory.active();
  mx.memory.resetPeak();
  const model = await loadRecognizer(dir);
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
