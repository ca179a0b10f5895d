/** Audio at 16 kHz as S3 codes: for `sotto codec`, and for voices that speak like a recording. */
import { throwIfCancelled, yieldToEventLoop } from '#daemon/async.js';
import type { Codes } from '#daemon/protocol/codec.js';
import { mx, type MxArray } from '#native/index.js';

import { checkFeatures } from '../../audio-encoder/check-features.js';
import { scaledMel } from '../../audio-encoder/scaled-mel.js';
import { runSteps } from '../../network-steps.js';
import type { NetworkStep } from '../run-chunk.js';
import { RecordedMel } from './recorded-mel.js';
import { framesPerCode } from './s3-config.js';
import type { S3Tokenizer } from './s3-network.js';
import { s3Windows, type S3Window } from './s3-windows.js';

/** Windows that are encoded together. */
const MAX_BATCH = 8;

/**
 * Yields the codes of each window, once the whole audio is read; returns the number of samples.
 *
 * @throws SottoError CANCELLED within two blocks; INVALID_ARGUMENT for more than a few hours; ENGINE_CRASHED for a NaN
 */
export async function* s3CodesOfStream(
  network: S3Tokenizer,
  samples: AsyncIterable<Float32Array>,
  signal: AbortSignal,
): AsyncGenerator<Codes, number> {
  const mel = new RecordedMel();
  try {
    for await (const chunk of samples) {
      await yieldToEventLoop(signal);
      mel.push(chunk);
    }
    mel.end();
    for (const window of s3Windows(mel.frames)) {
      throwIfCancelled(signal);
      yield { codes: await codesOfWindows(network, [{ mel, window }], signal) };
    }
    return mel.samples;
  } finally {
    mel.dispose();
  }
}

/**
 * Codes of several signals of any lengths, each as it is alone: windows are encoded in padded batches.
 *
 * @param signals samples at 16 kHz
 * @throws SottoError as `s3CodesOfStream`
 * @example
 * const [voice] = await s3Codes(tokenizer, [samples], signal); // 25 codes a second
 */
export async function s3Codes(
  network: S3Tokenizer,
  signals: readonly Float32Array[],
  signal: AbortSignal,
): Promise<number[][]> {
  const mels: RecordedMel[] = [];
  try {
    const parts = [];
    for (const [i, samples] of signals.entries()) {
      const mel = new RecordedMel();
      mels.push(mel);
      mel.push(samples);
      mel.end();
      await yieldToEventLoop(signal);
      parts.push(...s3Windows(mel.frames).map((window) => ({ mel, window, i })));
    }
    const codes = signals.map((): number[] => []);
    for (let at = 0; at < parts.length; at += MAX_BATCH) {
      const batch = parts.slice(at, at + MAX_BATCH);
      const found = await codesOfWindows(network, batch, signal);
      for (const [row, { i }] of batch.entries()) codes[i]?.push(...(found[row] ?? []));
    }
    return codes;
  } finally {
    for (const mel of mels) mel.dispose();
  }
}

interface Part {
  readonly mel: RecordedMel;
  readonly window: S3Window;
}

async function codesOfWindows(
  { encoder, quantizer, config }: S3Tokenizer,
  parts: readonly Part[],
  signal: AbortSignal,
): Promise<number[][]> {
  const lengths = parts.map(({ window }) => window.end - window.start);
  const isUneven = lengths.some((length) => length !== lengths[0]);
  const peaks = Float32Array.from(parts, ({ mel }) => mel.peak);
  const scale: NetworkStep = (raw) => scaledMel(raw, mx.array(peaks, [peaks.length, 1, 1]));
  const steps = [scale, ...encoder.steps(isUneven ? lengths : undefined)];
  const latents = await runSteps(rawBatch(parts, Math.max(...lengths)), steps, signal);
  let codes: MxArray | undefined;
  let maxAbs: MxArray | undefined;
  try {
    [codes, maxAbs] = mx.tidy(() => [quantizer.encode(latents), mx.max(mx.abs(latents))]);
    await mx.ready(codes, maxAbs);
    checkFeatures(Number(maxAbs.item()));
    const all = codes.toTypedArray('uint32');
    const perRow = codes.shape[1] ?? 0;
    const frames = framesPerCode(config);
    return parts.map(({ window: { head, tail } }, row) => {
      const count = encoder.codeCount(lengths[row] ?? 0);
      const from = row * perRow;
      return [...all.subarray(from + head / frames, from + count - tail / frames)];
    });
  } finally {
    mx.dispose(latents, codes, maxAbs);
  }
}

/** Raw frames [B, longest, bands], with zeros after those of a shorter window. */
function rawBatch(parts: readonly Part[], longest: number): MxArray {
  const bands = parts[0]?.mel.bands ?? 0;
  const raw = new Float32Array(parts.length * longest * bands);
  for (const [row, { mel, window }] of parts.entries()) {
    raw.set(mel.rawFrames(window.start, window.end), row * longest * bands);
  }
  return mx.array(raw, [parts.length, longest, bands]);
}
