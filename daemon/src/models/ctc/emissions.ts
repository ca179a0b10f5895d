/** The output of a CTC model (Graves et al. 2006) as log probabilities on the host, which all decoders here read. */
import { SottoError } from '#daemon/protocol/errors.js';
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

/** Natural-log probabilities of each token id in each frame. */
export interface Emissions {
  readonly frames: number;
  /** Token ids, with the blank. */
  readonly classes: number;
  /** [frames, classes], row after row. */
  readonly logprobs: Float32Array;
}

/** A token and the frames in which the model emits it. */
export interface CtcToken {
  readonly id: number;
  /** First frame. */
  readonly start: number;
  /** Frame after the last one. */
  readonly end: number;
  /** Natural-log probability, mean over its frames. */
  readonly logprob: number;
}

/**
 * Logits [T, V] of one utterance → emissions. Resolves when they are computed; the event loop stays free.
 *
 * @throws SottoError ENGINE_CRASHED if a frame is NaN
 */
export async function emissionsOf(logits: MxArray): Promise<Emissions> {
  const [frames = 0, classes = 0] = logits.shape;
  const logprobs = mx.keep(mx.tidy(() => nn.logSoftmax(mx.astype(logits, 'float32'))));
  try {
    await mx.ready(logprobs);
    const emissions = { frames, classes, logprobs: Float32Array.from(logprobs.toTypedArray('float32')) };
    assertNumbers(emissions);
    return emissions;
  } finally {
    logprobs.dispose();
  }
}

/** With exhausted GPU memory MLX may return NaN, which must not pass for silence. One NaN spoils the sum of its frame. */
function assertNumbers({ frames, classes, logprobs }: Emissions): void {
  for (let t = 0; t < frames; t++) {
    if (!Number.isNaN(logprobs[t * classes])) continue;
    throw new SottoError('ENGINE_CRASHED', 'the model returned NaN', {
      hint: 'the GPU is probably out of memory: quit other apps or use a smaller model',
    });
  }
}

/**
 * The emissions of consecutive pieces as those of one utterance.
 *
 * @throws RangeError if their token ids differ
 */
export function joinEmissions(parts: readonly Emissions[]): Emissions {
  const classes = parts[0]?.classes ?? 0;
  if (parts.some((part) => part.classes !== classes)) throw new RangeError('emissions of different models');
  const frames = parts.reduce((sum, part) => sum + part.frames, 0);
  const logprobs = new Float32Array(frames * classes);
  let at = 0;
  for (const part of parts) {
    logprobs.set(part.logprobs, at);
    at += part.logprobs.length;
  }
  return { frames, classes, logprobs };
}

/** The frames `from` … `to` (exclusive), without a copy. */
export function sliceEmissions({ classes, logprobs }: Emissions, from: number, to: number): Emissions {
  return { frames: to - from, classes, logprobs: logprobs.subarray(from * classes, to * classes) };
}
