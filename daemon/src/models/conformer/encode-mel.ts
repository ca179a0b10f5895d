/** Runs log-mel frames through the encoder, block by block, so that the event loop runs in between. */
import { yieldToEventLoop } from '#daemon/async.js';
import { SottoError } from '#daemon/protocol/errors.js';
import { mx, type MxArray } from '#native/index.js';

import { runSteps } from '../network-steps.js';
import { ConformerBlock } from './conformer-block.js';
import { SUBSAMPLING, type AttentionContext } from './conformer-config.js';
import type { ConformerEncoder } from './conformer-encoder.js';
import type { FramePlaces } from './relative-attention.js';

/** Mel frames that pass through the subsampling at once: its first results are a hundred times as large as its last one. */
export const MAX_FRAMES_AT_ONCE = 6000;

/**
 * Normalized log-mel [T, bands], which is freed → features [⌈T / 8⌉, D], which the caller frees.
 *
 * @param context of local attention; that of the config if omitted
 * @throws SottoError CANCELLED within two blocks; ENGINE_CRASHED if the output is all zeros or NaN
 */
export async function encodeMel(
  encoder: ConformerEncoder,
  mel: MxArray,
  signal: AbortSignal,
  context?: AttentionContext,
): Promise<MxArray> {
  const x = await embedInParts(encoder, mel, signal);
  const places = mx.tidy(() => encoder.places(x, context));
  await mx.ready(x, places.sinusoids); // what they are made of must not exist beside the results of the first block
  const encoded = await encodeFrames(encoder, x, places, signal);
  try {
    return mx.tidy(() => mx.squeeze(encoded, 0));
  } finally {
    encoded.dispose();
  }
}

/**
 * The same for several sequences at once, padded to the longest: each gets the features that it gets alone, within rounding. The
 * CPU kernels encode one after the other, since one keeps all cores busy.
 *
 * @param mels freed
 * @param context of local attention; that of the config if omitted
 */
export async function encodeMels(
  encoder: ConformerEncoder,
  mels: readonly MxArray[],
  signal: AbortSignal,
  context?: AttentionContext,
): Promise<MxArray[]> {
  const all: MxArray[] = [];
  try {
    if (mels.length === 1 || !encodesTogether(encoder)) {
      for (const mel of mels) all.push(await encodeMel(encoder, mel, signal, context));
      return all;
    }
    const embedded = await embedAll(encoder, mels, signal);
    const lengths = embedded.map(({ shape }) => shape[1] ?? 0);
    const x = padded(embedded);
    const places = mx.tidy(() => encoder.places(x, context, lengths));
    await mx.ready(x, places.sinusoids);
    const encoded = await encodeFrames(encoder, x, places, signal);
    const dims = encoder.config.dims;
    for (const [i, length] of lengths.entries()) {
      all.push(
        mx.tidy(() =>
          mx.contiguous(mx.reshape(mx.slice(encoded, [i, 0, 0], [i + 1, length, dims]), [length, dims])),
        ),
      );
    }
    await mx.ready(...all);
    encoded.dispose();
    return all;
  } catch (error) {
    mx.dispose(all);
    throw error;
  } finally {
    mx.dispose(mels.filter(({ disposed }) => !disposed));
  }
}

/** Whether `encodeMels` pads sequences to one batch; otherwise nothing is won by giving it several at once. */
export function encodesTogether({ layers }: ConformerEncoder): boolean {
  return layers.every((layer) => layer instanceof ConformerBlock);
}

/** The input of the first block for each sequence, [1, ⌈T / 8⌉, D]. One after the other: see `MAX_FRAMES_AT_ONCE`. */
async function embedAll(
  encoder: ConformerEncoder,
  mels: readonly MxArray[],
  signal: AbortSignal,
): Promise<MxArray[]> {
  const embedded: MxArray[] = [];
  try {
    for (const mel of mels) embedded.push(await embedInParts(encoder, mel, signal));
    return embedded;
  } catch (error) {
    mx.dispose(embedded);
    throw error;
  }
}

/** Sequences [1, T, D], which are freed → [B, longest T, D] with zeros behind each. */
function padded(sequences: readonly MxArray[]): MxArray {
  const longest = Math.max(...sequences.map(({ shape }) => shape[1] ?? 0));
  const x = mx.tidy(() => {
    const parts = sequences.map((one) => mx.pad(one, [[0, 0], [0, longest - (one.shape[1] ?? 0)], [0, 0]])); // prettier-ignore
    return mx.concatenate(parts, 0);
  });
  mx.dispose(sequences);
  return x;
}

/** The input of the first block, [1, ⌈T / 8⌉, D]. The mel frames are freed. */
async function embedInParts(encoder: ConformerEncoder, mel: MxArray, signal: AbortSignal): Promise<MxArray> {
  const [frames = 0, bands = 0] = mel.shape;
  const parts: MxArray[] = [];
  try {
    for (let from = 0; from < frames; from += MAX_FRAMES_AT_ONCE) {
      const to = Math.min(frames, from + MAX_FRAMES_AT_ONCE);
      // A frame depends on the seven mel frames before its own.
      const context = from === 0 ? 0 : SUBSAMPLING;
      const part = mx.tidy(() => {
        const x = encoder.embed(mx.expandDims(mx.slice(mel, [from - context, 0], [to, bands]), 0));
        return context === 0 ? x : mx.contiguous(mx.slice(x, [0, 1, 0], x.shape));
      });
      parts.push(part);
      await mx.ready(part);
      await yieldToEventLoop(signal);
    }
    const [only] = parts;
    if (parts.length === 1 && only !== undefined) return parts.pop() ?? only;
    return mx.tidy(() => mx.concatenate(parts, 1));
  } finally {
    mx.dispose([mel, ...parts]);
  }
}

/** x [B, T, D] and the arrays of `places` are freed. */
async function encodeFrames(
  encoder: ConformerEncoder,
  x: MxArray,
  places: FramePlaces,
  signal: AbortSignal,
): Promise<MxArray> {
  const { sinusoids, padding } = places;
  try {
    const steps = encoder.layers.map((layer) => (y: MxArray) => layer.forward(y, places));
    const encoded = await runSteps(x, steps, signal);
    const maxAbs = mx.tidy(() => mx.max(mx.abs(mx.astype(encoded, 'float32'))));
    try {
      await mx.ready(maxAbs);
      checkFeatures(Number(maxAbs.item()));
      return encoded;
    } catch (error) {
      encoded.dispose();
      throw error;
    } finally {
      maxAbs.dispose();
    }
  } finally {
    mx.dispose([sinusoids, ...(padding ? [padding.frames, padding.scores] : [])]);
  }
}

/** With exhausted GPU memory MLX may return zeros, which must not pass for silence. */
export function checkFeatures(maxAbs: number): void {
  if (maxAbs > 0 && Number.isFinite(maxAbs)) return;
  throw new SottoError('ENGINE_CRASHED', `the encoder returned ${maxAbs === 0 ? 'only zeros' : 'NaN'}`, {
    hint: 'the GPU is probably out of memory: quit other apps or use a smaller model',
  });
}
