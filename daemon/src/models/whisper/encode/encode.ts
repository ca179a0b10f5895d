/** One window through the encoder: from log-mel to what the decoder reads at every step. */
import { SottoError } from '#daemon/protocol/errors.js';
import { mx, type MxArray } from '#native/index.js';

import { yieldToEventLoop } from '../cancellation.js';
import type { KeysValues, Whisper } from '../model.js';
import { PAIRS_PER_GPU_WAIT } from '../memory/work-bytes.js';

export interface EncodedWindow {
  /** Cross-attention keys and values, one pair for each decoder block. */
  readonly crossKeysValues: readonly KeysValues[];
}

/**
 * Encodes `mel` [1, 3000, nMels] and frees it.
 *
 * Block by block: MLX makes the caller wait while more than a few hundred ops are queued, so queueing the whole
 * encoder at once would hold up the event loop, and with it a cancel, for as long as the encoder takes. On a GPU each
 * block is queued before the one before it is waited for, so the device does not wait.
 *
 * @throws SottoError CANCELLED within two blocks; ENGINE_CRASHED if nothing but zeros or NaN comes out.
 */
export async function encode(model: Whisper, mel: MxArray, signal: AbortSignal): Promise<EncodedWindow> {
  const { encoder, decoder } = model;
  const held = new Set<MxArray>([mel]); // what is to be freed, whatever happens
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
  // On the CPU, MLX takes the memory of all that is queued at once: a block ahead is 30 MB more for 0.1 ms less.
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
    // A wait costs a GPU that has nothing queued 0.2 to 0.4 ms. Each block's output is there twice until it is laid out.
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

/** Windows of the same length as one of several rows, for `decodeBatch`. Those given are freed. */
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
      mx.dispose(pairs); // a block at a time, or all would be there twice
    }
    return { crossKeysValues };
  } catch (error) {
    disposeWindow({ crossKeysValues });
    throw error;
  } finally {
    for (const window of windows) disposeWindow(window);
  }
}

/** Some rows of joined windows, which stay as they are. */
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

/** When the GPU's memory is exhausted MLX can go on with zeros: that must never pass for silence. */
function checkFeatures(maxAbs: number): void {
  if (maxAbs > 0 && Number.isFinite(maxAbs)) return;
  throw new SottoError('ENGINE_CRASHED', `the encoder gave ${maxAbs === 0 ? 'only zeros' : 'no numbers'}`, {
    hint: 'the GPU is probably out of memory: close other programs or choose a smaller model',
  });
}
