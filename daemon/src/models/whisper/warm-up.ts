/** Each kind of a model's work, run once: on a GPU the first run of a kind loads its kernels and takes its memory. */
import { mx, type MxArray } from '#native/index.js';

import type { WarmUpResult } from '../speech-model.js';
import { placeTokens } from './words/alignment.js';
import { WINDOW_FRAMES } from './encode/audio-windows.js';
import { type DecodeContext, decodeWindow, makeCaches } from './decode/decode.js';
import { disposeWindow, encode } from './encode/encode.js';
import { windowFlop } from './memory/flop.js';
import { LogitFilters } from './decode/logit-filters.js';
import type { Whisper } from './model.js';
import { shortWindowFrames, windowFrames } from './encode/short-window.js';
import { maxLiveFrames, streamingConfigFor } from './streaming/streaming-config.js';
import type { WhisperDeps } from './transcription.js';

/** A few steps are as good as many: from the second on they have one shape. */
const WARM_UP_TOKENS = 3;
/** Windows of files and of dictation are tried at audio of so many more frames each time. */
const STEP_FRAMES = 50;

/** A small model's window is timed several times, a large one's once: the machine is busy enough at a login. */
const MAX_TIMED_SECONDS = 0.3;
const MAX_TIMED_WINDOWS = 5;

/** Metal's products and attention come in blocks of so many rows at most, and of 16 at least. */
const MAX_BLOCK_ROWS = 64;
const MIN_BLOCK_ROWS = 16;

/** All lengths of windows that this model encodes, in mel frames, the longest first. */
export function windowLengths(nTextState: number): number[] {
  const { window } = streamingConfigFor({ nTextState });
  const lengths = new Set<number>();
  for (let frames = STEP_FRAMES; frames <= WINDOW_FRAMES; frames += STEP_FRAMES) {
    lengths.add(shortWindowFrames(frames));
    lengths.add(windowFrames(frames, window));
  }
  return [...lengths].sort((a, b) => b - a);
}

/**
 * Which kernels a window takes: Metal has one for lengths that fill its blocks, and others that mind the edge. Length alone
 * makes no new kernel. @returns the largest block that the encoder's positions fill, or 0
 */
export function kernelClass(frames: number): number {
  const positions = Math.ceil(frames / 2);
  let block = MAX_BLOCK_ROWS;
  while (block >= MIN_BLOCK_ROWS && positions % block !== 0) block /= 2;
  return block >= MIN_BLOCK_ROWS ? block : 0;
}

/** Mel frames of the windows to run: the two ends, and on a GPU the shortest of each class of kernels. */
export function warmUpLengths(nTextState: number, device: 'cpu' | 'gpu'): number[] {
  const all = windowLengths(nTextState);
  const ends = [...all.slice(0, 1), ...all.slice(-1)];
  const seen = new Set(ends.map(kernelClass));
  const others: number[] = [];
  for (const frames of device === 'gpu' ? all.toReversed() : []) {
    if (seen.has(kernelClass(frames))) continue;
    seen.add(kernelClass(frames));
    others.push(frames);
  }
  return [...new Set([...ends, ...others])].sort((a, b) => b - a);
}

/**
 * Encodes a window of noise of each of these lengths, and decodes, times and forgets a few tokens of it. On a GPU a window of
 * live speech is timed at the end: the speed tells which model suits the machine (daemon/src/store/catalogue/README.md).
 *
 * @throws SottoError CANCELLED within two blocks
 */
export async function warmUp(
  parts: WhisperDeps,
  signal: AbortSignal,
  onProgress: (fraction: number) => void,
): Promise<WarmUpResult> {
  const { model, tokenizer } = parts;
  const { config } = model;
  const lengths = warmUpLengths(config.nTextState, mx.defaultDevice());
  const caches = makeCaches(model);
  const filters = new LogitFilters(tokenizer, config, { timestamps: true });
  const startSequence = tokenizer.startSequence('en', 'transcribe', true);
  const context = { model, tokenizer, filters, caches, startSequence, seed: 0, maxTokens: WARM_UP_TOKENS };
  try {
    for (const [done, frames] of lengths.entries()) {
      await runWindow(parts, context, frames, signal);
      onProgress((done + 1) / lengths.length);
    }
  } finally {
    filters.dispose();
    for (const cache of caches) cache.dispose();
  }
  return mx.defaultDevice() === 'gpu' ? { gflops: await measuredGflops(model, signal) } : {};
}

/** 10⁹ operations a second of the longest live window, the quickest of a few. */
async function measuredGflops(model: Whisper, signal: AbortSignal): Promise<number> {
  const frames = maxLiveFrames(model.config);
  let [quickest, total] = [Infinity, 0];
  for (let i = 0; i < MAX_TIMED_WINDOWS && total < MAX_TIMED_SECONDS; i++) {
    const mel = noise(model, frames);
    await mx.ready(mel);
    const begin = performance.now();
    disposeWindow(await encode(model, mel, signal));
    const seconds = (performance.now() - begin) / 1000;
    quickest = Math.min(quickest, seconds);
    total += seconds;
  }
  return windowFlop(model.config, frames) / quickest / 1e9;
}

/** Log-mel [1, frames, nMels]. The encoder must not be given nothing at all: what it makes of that is taken for a fault. */
function noise({ config, dtype }: Whisper, frames: number): MxArray {
  return mx.keep(mx.tidy(() => mx.random.normal([1, frames, config.nMels], dtype, 0, 0.5, mx.random.key(1))));
}

async function runWindow(
  parts: WhisperDeps,
  context: DecodeContext,
  frames: number,
  signal: AbortSignal,
): Promise<void> {
  const { model } = parts;
  const window = await encode(model, noise(model, frames), signal);
  try {
    const steps = decodeWindow(context, window, [], 0, signal);
    let step = await steps.next();
    while (step.done !== true) step = await steps.next();
    const tokens = step.value.tokens.filter((token) => token < context.tokenizer.special.endOfText);
    const { startSequence } = context;
    await placeTokens(parts, window, tokens, { startSequence, audioFrames: frames }, signal);
  } finally {
    disposeWindow(window);
  }
}
