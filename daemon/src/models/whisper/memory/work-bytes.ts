/**
 * Peak memory of a model besides its weights. Work has phases, and each keeps results of the one before: the encoder's blocks;
 * cross-attention keys and values, which the decoder reads at every step; the decoder's first pass over its prompt; word
 * alignment.
 *
 * Counts arrays that live at the same time, not MLX's reuse cache, which the engine limits.
 */
import { N_FFT, HOP_SAMPLES } from '#daemon/audio/mel/mel.js';

import { WINDOW_FRAMES } from '../encode/audio-windows.js';
import type { Backend } from '../../memory/backend.js';
import type { WhisperConfig } from '../whisper-config.js';
import { secondBeamSizeFor } from '../decode/second-decode.js';
import { maxLiveFrames, streamingConfigFor } from '../streaming/streaming-config.js';

/** A file with default options; a file with word timestamps; a decode step of a live session. */
export type Workload = 'file' | 'words' | 'live';
export type WorkBytes = Readonly<Record<Workload, number>>;

const FLOAT32 = 4;
const FLOAT16 = 2;
/** VAD weights (1.2 MB, and the recurrence again in panels) and the mel filters. */
const VOICE_BYTES = 1_600_000;
/** Special tokens before the text of a window. */
const START_TOKENS = 5;
/** Positions per pass over the logits in `alignment.ts`. */
const WORD_POSITIONS = 64;
/** Tokens of a live window, and of its draft, which is verified in one pass: some three seconds of speech. */
const LIVE_TOKENS_PER_SECOND = 5.4;
const LIVE_DRAFT_TOKENS = 12;
/** Decoder blocks whose keys and values are queued on a GPU per wait. */
export const PAIRS_PER_GPU_WAIT = 8;

/** @param width bytes of an activation */
export function workBytes(config: WhisperConfig, backend: Backend, width: number): WorkBytes {
  const { nTextCtx, nMels, nVocab, nTextLayer, nTextState } = config;
  const streamingConfig = streamingConfigFor(config, backend);
  const liveFrames = maxLiveFrames(config, backend);
  const prompt = Math.floor(nTextCtx / 2) + START_TOKENS;
  const caches = nTextLayer * 2 * nTextCtx * nTextState * width;
  const filters = 4 * nVocab * FLOAT32; // one row for the first position, three for later ones
  const baseBytes = VOICE_BYTES + caches + filters;

  const framesBytes = WINDOW_FRAMES * nMels * FLOAT32;
  const wholeWindow = new WindowBytes(config, backend, width, WINDOW_FRAMES);
  // The second window's frames are computed while the first is encoded; afterwards both are held.
  const fileBytes =
    baseBytes +
    Math.max(
      framesBytes + wholeWindow.encoderPeak + melBytes(nMels),
      2 * framesBytes + wholeWindow.crossAttentionPeak,
      2 * framesBytes + wholeWindow.crossAttention + wholeWindow.forwardPeak(prompt, 2),
      2 * framesBytes +
        wholeWindow.crossAttention +
        wholeWindow.beamPeak(secondBeamSizeFor(config) ?? 1, caches) -
        caches,
    );
  const wordsBytes =
    baseBytes +
    2 * framesBytes +
    wholeWindow.crossAttention +
    wholeWindow.alignmentPeak(Math.floor(nTextCtx / 2), WORD_POSITIONS);

  const liveTokens = Math.round(LIVE_TOKENS_PER_SECOND * streamingConfig.maxWindowSeconds);
  const liveWindow = new WindowBytes(config, backend, width, liveFrames);
  const liveBytes =
    baseBytes +
    liveFrames * nMels * FLOAT32 +
    Math.max(
      liveWindow.encoderPeak,
      liveWindow.crossAttentionPeak,
      liveWindow.crossAttention +
        liveWindow.forwardPeak(streamingConfig.promptTokens + START_TOKENS + liveTokens, LIVE_DRAFT_TOKENS),
      liveWindow.crossAttention + liveWindow.alignmentPeak(liveTokens, 0),
    );
  return { file: fileBytes, words: Math.max(fileBytes, wordsBytes), live: liveBytes };
}

/**
 * Bytes per window of a batch on a GPU, in float16: its keys and values, alone and joined, its decoder cache, frames and
 * logits.
 */
export function batchRowBytes({ nTextCtx, nMels, nVocab, nTextLayer, nTextState }: WhisperConfig): number {
  const pairs = (positions: number): number => nTextLayer * 2 * positions * nTextState * FLOAT16;
  const frames = WINDOW_FRAMES * nMels * FLOAT16;
  return 2 * pairs(WINDOW_FRAMES / 2) + pairs(nTextCtx) + frames + 3 * nVocab * FLOAT32;
}

/** Terms for one window length. */
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

  /** Cross-attention keys and values of all decoder blocks; float16 in our kernels. */
  get crossAttention(): number {
    const { nTextLayer, nTextState } = this.config;
    const width = this.backend === 'kernels' ? 2 : this.width;
    return nTextLayer * 2 * this.#positions * nTextState * width;
  }

  /**
   * Peak of the encoder: one block with all its results queued, in activations. Our kernels: queries, keys and values (3),
   * attention output (1), after attention (1), the wide layer (4), output (1). MLX's ops add norms, biases and copies of
   * heads, and on the CPU the scores of all heads. A GPU fuses these, but queues the next block too.
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
   * Peak while the last keys and values are computed: all of them, the features and one whole product. On a GPU the products
   * of several blocks, the encoder's last output, and the features in float32 for their check.
   */
  get crossAttentionPeak(): number {
    if (this.backend !== 'gpu') return this.crossAttention + 3 * this.#activation;
    const products = 2 * Math.min(PAIRS_PER_GPU_WAIT, this.config.nTextLayer);
    return this.crossAttention + (2 + products + FLOAT32 / this.width) * this.#activation;
  }

  /** Peak of the decoder over `tokens`, with logits at `logitRows` positions. */
  forwardPeak(tokens: number, logitRows: number): number {
    const { nTextLayer, nTextState, nTextHead, nVocab } = this.config;
    const activation = tokens * nTextState * this.width;
    const logits = 3 * logitRows * nVocab * FLOAT32; // raw, selected and filtered
    switch (this.backend) {
      case 'kernels':
        return (nTextLayer + 4) * activation + logits; // one op per block, all queued
      case 'cpu':
        return 24 * activation + nTextHead * tokens * this.#positions * FLOAT32 + logits;
      case 'gpu':
        return 24 * activation + logits;
    }
  }

  /**
   * Peak of a beam search with its caches. When beams fork, the cache of one block is copied at a time; on a GPU all are, since
   * a step is queued before the previous one is read.
   *
   * @param caches bytes of the caches of one sequence
   */
  beamPeak(beams: number, caches: number): number {
    const rows = beams * caches;
    const step = this.forwardPeak(beams, beams);
    if (this.backend === 'gpu') return 2 * rows + step;
    return rows + Math.max(rows / this.config.nTextLayer, step);
  }

  /** Peak of an alignment, with its own caches: attention scores, then probabilities at `logitRows` positions. */
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

/** The mel transform of a window: samples, windowed samples, spectrum, magnitudes and bands. */
function melBytes(nMels: number): number {
  const bins = N_FFT / 2 + 1;
  return WINDOW_FRAMES * (HOP_SAMPLES + N_FFT + 2 * bins + bins + nMels) * FLOAT32;
}
