/**
 * What work with a model takes beside its weights, at the moment when it takes most. Work has phases, and what one of
 * them leaves behind is there in the next: the encoder's blocks; keys and values of the audio, which the decoder reads at
 * every step; the decoder's first pass over its prompt; a look at when words were said.
 *
 * Counted is what lives at once. What MLX keeps for reuse is not: it is bounded by the engine's cache limit.
 */
import { N_FFT, HOP_SAMPLES } from '#daemon/audio/mel/mel.js';

import { WINDOW_FRAMES } from '../encode/audio-windows.js';
import type { Backend } from './backend.js';
import type { WhisperConfig } from '../config.js';
import { maxLiveFrames, streamingConfigFor } from '../streaming/streaming-config.js';

/** A file with the default options; one with times of words; a look of a live session. */
export type Workload = 'file' | 'words' | 'live';
export type WorkBytes = Readonly<Record<Workload, number>>;

const FLOAT32 = 4;
const FLOAT16 = 2;
/** Weights of voice activity, 1.2 MB and its recurrence once more in panels, and the mel filters. */
const VOICE_BYTES = 1_600_000;
/** Tokens before a window's own: what was said before it, and where the transcript starts. */
const START_TOKENS = 5;
/** Positions whose probabilities are asked for at once, of words (`alignment.ts`). */
const WORD_POSITIONS = 64;
/** Text of a live window, and what of it is not committed yet and checked in one pass: some three seconds of speech. */
const LIVE_TOKENS = 64;
const LIVE_DRAFT_TOKENS = 12;
/** Decoder blocks whose keys and values are queued on a GPU before they are waited for. */
export const PAIRS_PER_GPU_WAIT = 8;

/** @param width bytes of an activation */
export function workBytes(config: WhisperConfig, backend: Backend, width: number): WorkBytes {
  const { nTextCtx, nMels, nVocab, nTextLayer, nTextState } = config;
  const streamingConfig = streamingConfigFor(config);
  const liveFrames = maxLiveFrames(config);
  const prompt = Math.floor(nTextCtx / 2) + START_TOKENS;
  const caches = nTextLayer * 2 * nTextCtx * nTextState * width;
  const filters = 4 * nVocab * FLOAT32; // what may come first, and three rows of what may follow
  const baseBytes = VOICE_BYTES + caches + filters;

  const framesBytes = WINDOW_FRAMES * nMels * FLOAT32;
  const whole = new WindowBytes(config, backend, width, WINDOW_FRAMES);
  // The second window's frames are made while the first is encoded, whose raw ones are still there; then there are both.
  const fileBytes =
    baseBytes +
    Math.max(
      framesBytes + whole.encoderPeak + melBytes(nMels),
      2 * framesBytes + whole.crossAttentionPeak,
      2 * framesBytes + whole.crossAttention + whole.forwardPeak(prompt, 2),
    );
  const wordsBytes =
    baseBytes +
    2 * framesBytes +
    whole.crossAttention +
    whole.alignmentPeak(Math.floor(nTextCtx / 2), WORD_POSITIONS);

  const part = new WindowBytes(config, backend, width, liveFrames);
  const liveBytes =
    baseBytes +
    liveFrames * nMels * FLOAT32 +
    Math.max(
      part.encoderPeak,
      part.crossAttentionPeak,
      part.crossAttention +
        part.forwardPeak(streamingConfig.promptTokens + START_TOKENS + LIVE_TOKENS, LIVE_DRAFT_TOKENS),
      part.crossAttention + part.alignmentPeak(LIVE_TOKENS, 0),
    );
  return { file: fileBytes, words: Math.max(fileBytes, wordsBytes), live: liveBytes };
}

/**
 * What each window takes that is decoded with others on a GPU: its keys and values, once by itself and once among the others;
 * its decoder cache, frames and scores. In float16.
 */
export function batchRowBytes({ nTextCtx, nMels, nVocab, nTextLayer, nTextState }: WhisperConfig): number {
  const pairs = (positions: number): number => nTextLayer * 2 * positions * nTextState * FLOAT16;
  const frames = WINDOW_FRAMES * nMels * FLOAT16;
  return 2 * pairs(WINDOW_FRAMES / 2) + pairs(nTextCtx) + frames + 3 * nVocab * FLOAT32;
}

/** The terms of one length of window. */
class WindowBytes {
  /** Positions of the encoder. */
  readonly #positions: number;

  constructor(
    readonly config: WhisperConfig,
    readonly backend: Backend,
    readonly width: number,
    frames: number,
  ) {
    this.#positions = Math.ceil(frames / 2);
  }

  /** One activation of the encoder, [T, D]. */
  get #activation(): number {
    return this.#positions * this.config.nAudioState * this.width;
  }

  /** Keys and values of the audio for all blocks of the decoder; our kernels keep them in float16. */
  get crossAttention(): number {
    const { nTextLayer, nTextState } = this.config;
    const width = this.backend === 'kernels' ? 2 : this.width;
    return nTextLayer * 2 * this.#positions * nTextState * width;
  }

  /**
   * The encoder at its peak: a block, with all that it makes of its input queued at once, in activations. Our kernels
   * make of an input: queries, keys and values (3), attended (1), after attention (1), the wide layer (4), output (1).
   * MLX's own ops take norms, biases and copies of heads beside; on the CPU the scores of all heads too; on a GPU, which
   * has these in a fused kernel, one block is queued ahead of another.
   */
  get encoderPeak(): number {
    const { nAudioHead } = this.config;
    const activation = this.#activation;
    switch (this.backend) {
      case 'kernels':
        return 11 * activation;
      case 'cpu':
        return 28 * activation + nAudioHead * this.#positions ** 2 * FLOAT32;
      case 'gpu':
        return 2 * 16 * activation;
    }
  }

  /**
   * Keys and values of the last block being made: beside all of them, the features and the product in one piece. On a GPU
   * the products of several blocks, the encoder's last output, and the features in float32 for their check.
   */
  get crossAttentionPeak(): number {
    if (this.backend !== 'gpu') return this.crossAttention + 3 * this.#activation;
    const products = 2 * Math.min(PAIRS_PER_GPU_WAIT, this.config.nTextLayer);
    return this.crossAttention + (2 + products + FLOAT32 / this.width) * this.#activation;
  }

  /** Tokens through the decoder, at `asked` positions of which the logits are wanted. */
  forwardPeak(tokens: number, logitRows: number): number {
    const { nTextLayer, nTextState, nTextHead, nVocab } = this.config;
    const activation = tokens * nTextState * this.width;
    const logits = 3 * logitRows * nVocab * FLOAT32; // as they come, those of the positions asked for, filtered
    switch (this.backend) {
      case 'kernels':
        return (nTextLayer + 4) * activation + logits; // one op a block, all of them queued
      case 'cpu':
        return 24 * activation + nTextHead * tokens * this.#positions * FLOAT32 + logits;
      case 'gpu':
        return 24 * activation + logits;
    }
  }

  /** A text shown to the decoder at once, with its own caches: where heads look, then what `asked` positions say. */
  alignmentPeak(tokens: number, logitRows: number): number {
    const { nTextLayer, nTextState, nVocab } = this.config;
    const caches = nTextLayer * 2 * tokens * nTextState * this.width;
    const hidden = 3 * tokens * nTextState * this.width;
    const heads = this.backend === 'gpu' ? 8 : 1;
    const scores = 5 * heads * tokens * this.#positions * FLOAT32;
    const logits = 2 * Math.min(logitRows, tokens) * nVocab * FLOAT32;
    return caches + hidden + Math.max(scores, logits);
  }
}

/** A window of samples to frames: samples, those of each transform, its spectrum, magnitudes, and the bands of them. */
function melBytes(nMels: number): number {
  const bins = N_FFT / 2 + 1;
  return WINDOW_FRAMES * (HOP_SAMPLES + N_FFT + 2 * bins + bins + nMels) * FLOAT32;
}
