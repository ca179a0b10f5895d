/**
 * Ours behind the questions that the peers answer (test/bench/peers/worker.py says which): `node worker.js MODEL_DIR [text]`.
 * It goes through the public model only, so it measures what a user gets.
 */
import { readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { loadModel } from '#daemon/models/registry.js';
import type { AudioStream, SpeechModel } from '#daemon/models/speech-model.js';
import type { TranscribeOptions, TranscribeResult } from '#daemon/protocol/transcription.js';

const SAMPLE_RATE = 16_000;
const WINDOW_SAMPLES = 30 * SAMPLE_RATE;
const REPEAT = 3;
const [, , folder = '', text] = process.argv;
const PLAIN: TranscribeOptions = {
  temperature: [0],
  timestamps: text === 'text' ? 'auto' : true,
  conditionOnPreviousText: false,
};

interface Question {
  readonly op: string;
  readonly file: string;
  readonly language: string;
}

interface Moments {
  readonly result: TranscribeResult;
  readonly windows: number;
  /** When the first text was there and when the first segment was whole: the tokens after the first lie between. */
  readonly firstTextMs: number;
  readonly firstSegmentMs: number;
}

async function readSamples(path: string): Promise<Float32Array> {
  const file = await open(path);
  try {
    const samples = new Float32Array((await file.stat()).size / Float32Array.BYTES_PER_ELEMENT);
    await file.read(samples, 0, samples.byteLength, 0);
    return samples;
  } finally {
    await file.close();
  }
}

function streamOf(samples: Float32Array): AudioStream {
  return {
    durationSeconds: samples.length / SAMPLE_RATE,
    samples: (async function* () {
      for (let i = 0; i < samples.length; i += SAMPLE_RATE) {
        yield await Promise.resolve(samples.subarray(i, i + SAMPLE_RATE));
      }
    })(),
  };
}

async function run(model: SpeechModel, samples: Float32Array, options: TranscribeOptions): Promise<Moments> {
  let windows = 0;
  let firstTextMs: number | undefined;
  let firstSegmentMs: number | undefined;
  const events = model.transcribe(streamOf(samples), options, new AbortController().signal);
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
  result.segments.reduce((n, { tokens }) => n + tokens.length, 0);

async function transcribe(model: SpeechModel, { file, language }: Question) {
  const { result, windows } = await run(model, await readSamples(file), { ...PLAIN, language });
  const { mel, encode, decode } = result.timings;
  return { text: result.text, tokens: countTokens(result), inside: { windows, mel, encode, decode } };
}

/**
 * A full window: the clip over and over up to 30 s, without timestamps, so that it is decoded as one window whatever is
 * in it. The encoder's figure holds the cross-attention's keys and values, as whisper.cpp's does.
 */
async function micro(model: SpeechModel, { file, language }: Question) {
  const clip = await readSamples(file);
  const window = Float32Array.from({ length: WINDOW_SAMPLES }, (_, i) => clip[i % clip.length] ?? 0);
  let encodeSeconds = Infinity;
  let tokenSeconds = Infinity;
  for (let i = 0; i < REPEAT; i++) {
    const { result, firstTextMs, firstSegmentMs } = await run(model, window, {
      ...PLAIN,
      timestamps: false,
      language,
    });
    encodeSeconds = Math.min(encodeSeconds, result.timings.encode);
    // The first token is there at the first text; the end-of-text is computed like any other.
    tokenSeconds = Math.min(tokenSeconds, (firstSegmentMs - firstTextMs) / 1000 / countTokens(result));
  }
  return { encodeSeconds, tokenSeconds };
}

/** Linux counts the parent's size into getrusage's figure until this program was loaded; the status file does not. */
function peakBytes(): number {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS * 1024;
  return 1024 * Number(/VmHWM:\s*(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? NaN);
}

async function info() {
  const { mx } = await import('#native/index.js');
  return {
    versions: { mlx: mx.version, node: process.version },
    settings: `on the ${mx.defaultDevice()}${PLAIN.timestamps === 'auto' ? ', text without times' : ''}`,
  };
}

async function answer(model: SpeechModel, question: Question): Promise<object> {
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

const model = await loadModel(folder);
for await (const line of createInterface({ input: process.stdin })) {
  const reply = await answer(model, JSON.parse(line) as Question).catch((error: unknown) => ({
    error: error instanceof Error ? error.message : String(error),
  }));
  process.stdout.write(JSON.stringify(reply) + '\n');
}
model.dispose();
