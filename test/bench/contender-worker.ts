/**
 * Sotto as a contender, with the requests of test/bench/peers/worker.py: `node contender-worker.js MODEL_DIR [text] [defaults]`. It
 * uses only the public model API with the engine's memory limit, so it measures what a user gets.
 */
import { readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { limitCache } from '#daemon/engine/cache-limit.js';
import { loadRecognizer } from '#daemon/models/registry.js';
import type { Recognizer } from '#daemon/models/speech-model.js';
import type { TranscribeOptions, TranscribeResult } from '#daemon/protocol/transcription.js';
import { plainOptions } from './in-process.js';

const SAMPLE_RATE = 16_000;
const WINDOW_SAMPLES = 30 * SAMPLE_RATE;
const REPEAT = 3;
const [, , folder = '', ...flags] = process.argv;

interface Question {
  readonly op: string;
  readonly file: string;
  readonly language: string;
}

interface Moments {
  readonly result: TranscribeResult;
  readonly windows: number;
  /** Times of the first text and of the first complete segment: the tokens after the first one are decoded in between. */
  readonly firstTextMs: number;
  readonly firstSegmentMs: number;
}

/** Reads raw float32 samples in chunks of a second, as an engine reads audio. */
async function* readSamples(path: string): AsyncGenerator<Float32Array> {
  const file = await open(path);
  try {
    for (;;) {
      const second = new Float32Array(SAMPLE_RATE);
      const { bytesRead } = await file.read(second, 0, second.byteLength);
      if (bytesRead === 0) return;
      yield second.subarray(0, bytesRead / Float32Array.BYTES_PER_ELEMENT);
    }
  } finally {
    await file.close();
  }
}

/** Repeats a clip up to 30 s. */
async function* fullWindow(path: string): AsyncGenerator<Float32Array> {
  for (let left = WINDOW_SAMPLES; ;) {
    for await (const second of readSamples(path)) {
      yield second.subarray(0, left);
      left -= second.length;
      if (left <= 0) return;
    }
  }
}

async function run(
  model: Recognizer,
  samples: AsyncIterable<Float32Array>,
  options: TranscribeOptions,
): Promise<Moments> {
  let windows = 0;
  let firstTextMs: number | undefined;
  let firstSegmentMs: number | undefined;
  const events = model.transcribe(
    { durationSeconds: undefined, samples },
    options,
    new AbortController().signal,
  );
  for (;;) {
    const { done, value } = await events.next();
    const now = performance.now();
    if (done === true) {
      return {
        result: value,
        windows,
        firstTextMs: firstTextMs ?? now,
        firstSegmentMs: firstSegmentMs ?? now,
      };
    }
    if (value.type === 'text') firstTextMs ??= now;
    if (value.type === 'segment') firstSegmentMs ??= now;
    if (value.type === 'progress') windows++;
  }
}

const countTokens = (result: TranscribeResult) =>
  result.segments.reduce((n, { tokens = [] }) => n + tokens.length, 0);

async function transcribe(model: Recognizer, { file, language }: Question) {
  const { result, windows } = await run(model, readSamples(file), { ...PLAIN, language });
  const { mel, encode, decode } = result.timings;
  return { text: result.text, tokens: countTokens(result), inside: { windows, mel, encode, decode } };
}

/**
 * Decodes the clip repeated up to 30 s, without timestamps, so that it is a single window whatever it contains. The
 * encoder time includes the keys and values of the cross-attention, as in whisper.cpp.
 */
async function micro(model: Recognizer, { file, language }: Question) {
  let encodeSeconds = Infinity;
  let tokenSeconds = Infinity;
  for (let i = 0; i < REPEAT; i++) {
    const { result, firstTextMs, firstSegmentMs } = await run(model, fullWindow(file), {
      ...PLAIN,
      timestamps: false,
      language,
    });
    encodeSeconds = Math.min(encodeSeconds, result.timings.encode);
    // The first text is the first token; the end of text is computed like any other token.
    tokenSeconds = Math.min(tokenSeconds, (firstSegmentMs - firstTextMs) / 1000 / countTokens(result));
  }
  return { encodeSeconds, tokenSeconds };
}

/** On Linux, getrusage includes the size of the parent until exec; the status file does not. */
function peakBytes(): number {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS * 1024;
  return 1024 * Number(/VmHWM:\s*(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? NaN);
}

async function info() {
  const { mx } = await import('#native/index.js');
  return {
    versions: { mlx: mx.version, node: process.version },
    settings: `on the ${mx.defaultDevice()}${PLAIN.timestamps === 'auto' ? ', no timestamps' : ''}`,
  };
}

async function answer(model: Recognizer, question: Question): Promise<object> {
  switch (question.op) {
    case 'info':
      return info();
    case 'memory':
      return { peakBytes: peakBytes() };
    case 'micro':
      return micro(model, question);
    default:
      return transcribe(model, question);
  }
}

limitCache();
const model = await loadRecognizer(folder);
const PLAIN: TranscribeOptions = {
  ...(flags.includes('defaults') ? {} : plainOptions(model)),
  timestamps: flags.includes('text') ? 'auto' : true,
};
for await (const line of createInterface({ input: process.stdin })) {
  const reply = await answer(model, JSON.parse(line) as Question).catch((error: unknown) => ({
    error: error instanceof Error ? error.message : String(error),
  }));
  process.stdout.write(JSON.stringify(reply) + '\n');
}
model.dispose();
