/** Runs each kind of a model's work once: on a GPU the first run loads kernels and allocates memory. */
import { mx, type MxArray } from '#native/index.js';

import type { WarmUpResult } from '../speech-model.js';
import { placeTokens } from './words/alignment.js';
import { WINDOW_FRAMES } from './encode/audio-windows.js';
import { type DecodeContext, makeCaches } from './decode/decode.js';
import { decodeSilently } from './decode/decode-once.js';
import { secondBeamSizeFor } from './decode/second-decode.js';
import { disposeWindow, encode } from './encode/encode.js';
import { windowFlop } from './memory/flop.js';
import { LogitFilters } from './decode/logit-filters.js';
import type { Whisper } from './model.js';
import { shortWindowFrames, windowFrames } from './encode/short-window.js';
import { maxLiveFrames, streamingConfigFor } from './streaming/streaming-config.js';
import type { WhisperDeps } from './whisper-transcription.js';

/** A few steps suffice: from the second on they have one shape. */
const WARM_UP_TOKENS = 3;
/** Step between audio lengths when collecting window lengths. */
const STEP_FRAMES = 50;

/** A small model's window is timed several times, a large one's once, since the machine is busy after login. */
const MAX_TIMED_SECONDS = 0.3;
const MAX_TIMED_WINDOWS = 5;

/** Block sizes of Metal's matrix products and attention, in rows. */
const MAX_BLOCK_ROWS = 64;
const MIN_BLOCK_ROWS = 16;

/** All window lengths that this model encodes, in mel frames, the longest first. */
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
 * The class of kernels for a window: Metal has different kernels for lengths that fill whole blocks and for others; the
 * length alone makes no new kernel. @returns the largest block that divides the encoder's positions, or 0
 */
export function kernelClass(frames: number): number {
  const positions = Math.ceil(frames / 2);
  let block = MAX_BLOCK_ROWS;
  while (block >= MIN_BLOCK_ROWS && positions % block !== 0) block /= 2;
  return block >= MIN_BLOCK_ROWS ? block : 0;
}

/** Mel frames of the windows to run: the shortest, the longest, and on a GPU the shortest of each kernel class. */
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
 * Encodes noise of each length, decodes a few tokens and aligns them. On a GPU it then times a live window: the speed decides
 * which model suits the machine (daemon/src/store/catalogue/README.md).
 *
 * @throws SottoError CANCELLED within two blocks
 */
export async function warmUp(
  deps: WhisperDeps,
  signal: AbortSignal,
  onProgress: (fraction: number) => void,
): Promise<WarmUpResult> {
  const { model, tokenizer } = deps;
  const { config } = model;
  const lengths = warmUpLengths(config.nTextState, mx.defaultDevice());
  const caches = makeCaches(model);
  const filters = new LogitFilters(tokenizer, config, { timestamps: true });
  const startSequence = tokenizer.startSequence('en', 'transcribe', true);
  const context = { model, tokenizer, filters, caches, startSequence, seed: 0, maxTokens: WARM_UP_TOKENS };
  try {
    for (const [done, frames] of lengths.entries()) {
      // The length of a window makes no new kernel in the search.
      const beamSize = done === 0 ? secondBeamSizeFor(config) : undefined;
      await runWindow(deps, context, frames, beamSize, signal);
      onProgress((done + 1) / lengths.length);
    }
  } finally {
    filters.dispose();
    for (const cache of caches) cache.dispose();
  }
  return mx.defaultDevice() === 'gpu' ? { gflops: await measuredGflops(model, signal) } : {};
}

/** 10⁹ operations per second of the longest live window, in the fastest of a few runs. */
async function measuredGflops(model: Whisper, signal: AbortSignal): Promise<number> {
  const frames = maxLiveFrames(model.config);
  let [minSeconds, total] = [Infinity, 0];
  for (let i = 0; i < MAX_TIMED_WINDOWS && total < MAX_TIMED_SECONDS; i++) {
    const mel = noise(model, frames);
    await mx.ready(mel);
    const begin = performance.now();
    disposeWindow(await encode(model, mel, signal));
    const seconds = (performance.now() - begin) / 1000;
    minSeconds = Math.min(minSeconds, seconds);
    total += seconds;
  }
  return windowFlop(model.config, frames) / minSeconds / 1e9;
}

/** Log-mel noise [1, frames, nMels]. Silence could encode to zeros, which count as a failure. */
function noise({ config, dtype }: Whisper, frames: number): MxArray {
  return mx.keep(mx.tidy(() => mx.random.normal([1, frames, config.nMels], dtype, 0, 0.5, mx.random.key(1))));
}

async function runWindow(
  deps: WhisperDeps,
  context: DecodeContext,
  frames: number,
  beamSize: number | undefined,
  signal: AbortSignal,
): Promise<void> {
  const { model } = deps;
  const window = await encode(model, noise(model, frames), signal);
  try {
    const result = await decodeSilently(context, window, [], 0, signal);
    if (beamSize !== undefined) {
      await decodeSilently({ ...context, search: { beamSize } }, window, [], 0, signal);
      for (const cache of context.caches) cache.dispose();
    }
    const tokens = result.tokens.filter((token) => token < context.tokenizer.special.endOfText);
    const { startSequence } = context;
    await placeTokens(deps, window, tokens, { startSequence, audioFrames: frames }, signal);
  } finally {
    disposeWindow(window);
  }
}
