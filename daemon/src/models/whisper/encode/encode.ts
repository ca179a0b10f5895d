/** Runs a window through the encoder: from log-mel to the keys and values of the decoder's cross-attention. */
import { mx, type MxArray } from '#native/index.js';

import { yieldToEventLoop } from '#daemon/async.js';
import { checkFeatures } from '../../audio-encoder/check-features.js';
import type { KeysValues, Whisper } from '../model.js';
import { PAIRS_PER_GPU_WAIT } from '../memory/work-bytes.js';

export interface EncodedWindow {
  /** Cross-attention keys and values, one pair per decoder block. */
  readonly crossKeysValues: readonly KeysValues[];
}

/**
 * Encodes `mel` [1, 3000, nMels] and frees it.
 *
 * Block by block: MLX blocks the caller while more than a few hundred ops are queued, so queueing the whole encoder would
 * block the event loop, and cancellation, until it is done. On a GPU each block is queued before the previous one is
 * waited for, so the device never idles.
 *
 * @throws SottoError CANCELLED within two blocks; ENGINE_CRASHED if the output is all zeros or NaN.
 */
export async function encode(model: Whisper, mel: MxArray, signal: AbortSignal): Promise<EncodedWindow> {
  const { encoder, decoder } = model;
  const held = new Set<MxArray>([mel]); // freed on every path
  const queue = (make: () => MxArray): MxArray => {
    const array = mx.tidy(make);
    held.add(array);
    mx.asyncEval(array);
    return array;
  };
  /** Waits, then frees `array`. */
  const settle = async (array: MxArray, after = array): Promise<void> => {
    await mx.ready(after);
    await yieldToEventLoop(signal);
    held.delete(array);
    mx.dispose(array);
  };
  // On the CPU, MLX allocates memory for everything queued: one block in advance costs 30 MB and saves 0.1 ms.
  const isPipelined = mx.defaultDevice() === 'gpu';
  const crossKeysValues: KeysValues[] = [];
  try {
    let x = queue(() => encoder.embed(mel)); // [1, nAudioCtx, D]
    if (!isPipelined) await settle(mel, x);
    for (const block of encoder.blocks) {
      const input = x;
      x = queue(() => block.forward(input));
      await settle(input, isPipelined ? input : x);
    }
    const features = queue(() => encoder.ln_post.forward(x));
    if (!isPipelined) await settle(x, features);
    const maxAbs = queue(() => mx.max(mx.abs(mx.astype(features, 'float32'))));
    // A wait costs an idle GPU 0.2 to 0.4 ms. Each block's output exists twice until it is laid out.
    const pairsPerWait = isPipelined ? PAIRS_PER_GPU_WAIT : 1;
    for (const [i, block] of decoder.blocks.entries()) {
      const pair = mx.tidy(() => block.crossKeysValues(features));
      crossKeysValues.push(pair);
      mx.asyncEval(pair);
      const isLast = i + 1 === decoder.blocks.length;
      if (!isLast && (i + 1) % pairsPerWait !== 0) continue;
      await mx.ready(...(isLast ? [...pair, maxAbs] : pair));
      await yieldToEventLoop(signal);
    }
    checkFeatures(Number(maxAbs.item()));
    return { crossKeysValues };
  } catch (error) {
    disposeWindow({ crossKeysValues });
    throw error;
  } finally {
    mx.dispose([...held]);
  }
}

export function disposeWindow({ crossKeysValues }: EncodedWindow): void {
  mx.dispose(crossKeysValues);
}

/** Joins windows of one length into the rows of a single window, for `decodeBatch`. Frees its arguments. */
export async function joinWindows(windows: readonly EncodedWindow[]): Promise<EncodedWindow> {
  const crossKeysValues: KeysValues[] = [];
  try {
    for (const [block] of (windows[0]?.crossKeysValues ?? []).entries()) {
      const pairs = windows.flatMap(({ crossKeysValues: all }) => all.slice(block, block + 1));
      const pair = mx.tidy((): KeysValues => [
        mx.concatenate(pairs.map(([keys]) => keys), 0),
        mx.concatenate(pairs.map(([, values]) => values), 0),
      ]); // prettier-ignore
      crossKeysValues.push(pair);
      await mx.ready(...pair);
      mx.dispose(pairs); // per block, or all would exist twice
    }
    return { crossKeysValues };
  } catch (error) {
    disposeWindow({ crossKeysValues });
    throw error;
  } finally {
    for (const window of windows) disposeWindow(window);
  }
}

/** Copies rows of joined windows. */
export function pickWindows({ crossKeysValues }: EncodedWindow, rows: readonly number[]): EncodedWindow {
  const [first = 0] = rows;
  const picked = mx.tidy(() => {
    const order = mx.array(Int32Array.from(rows));
    const pick = (x: MxArray): MxArray =>
      rows.length > 1
        ? mx.take(x, order, 0)
        : mx.slice(x, [first, ...x.shape.slice(1).fill(0)], [first + 1, ...x.shape.slice(1)]);
    return crossKeysValues.map(([keys, values]): KeysValues => [pick(keys), pick(values)]);
  });
  mx.asyncEval(picked.flat());
  return { crossKeysValues: picked };
}
