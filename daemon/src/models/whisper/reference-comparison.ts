/** Compares a model's output on a clip with that of another implementation (assets/selftest/README.md). */
import { createHash } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { openAudio } from '#daemon/audio/decode-file.js';
import { AudioWindows, WINDOW_FRAMES } from './encode/audio-windows.js';
import { makeCaches, tokenRow } from './decode/decode.js';
import { disposeWindow, encode } from './encode/encode.js';
import { WhisperModel } from './index.js';
import { SottoError } from '#daemon/protocol/errors.js';
import { finite, integer } from '#daemon/protocol/fields.js';
import type { ReferenceResult } from '#daemon/protocol/selftest-process.js';
import { mx, type Dtype, type MxArray } from '#native/index.js';

/** Errors that rounding explains on a device: of the encoder's output, and between two logits. */
const LIMITS: Partial<Record<Dtype, { encoder: number; margin: number }>> = {
  float32: { encoder: 1e-3, margin: 0.05 },
  float16: { encoder: 3e-2, margin: 0.5 },
};

const storedSchema = v.object({
  weights: v.string(),
  audio: v.string(),
  positionStep: integer,
  columnStep: integer,
  /** base64 of float32, little-endian. */
  encoder: v.string(),
  start: v.array(integer),
  /** Text tokens have smaller ids. */
  firstSpecial: integer,
  tokens: v.array(integer),
  margins: v.array(finite),
});
type Stored = v.InferOutput<typeof storedSchema>;

/** @throws SottoError as loading and decoding do */
export async function compareWithReference(
  file: string,
  dir: string,
  clip: string,
): Promise<ReferenceResult> {
  const stored = v.parse(storedSchema, JSON.parse(readFileSync(file, 'utf8')));
  const [weights, audio] = await Promise.all([sha256(join(dir, 'weights.safetensors')), sha256(clip)]);
  const { signal } = new AbortController();
  const model = await WhisperModel.load(dir, { signal });
  try {
    const dtype = model.deps.model.dtype;
    const limits = LIMITS[dtype] ?? { encoder: 3e-2, margin: 0.5 };
    const mel = await melOf(model, clip, signal);
    const encoderError = encoderErrorOf(model, mel, stored);
    const window = await encode(model.deps.model, mel, signal);
    const found = textTokens(model, window.crossKeysValues, stored);
    disposeWindow(window);
    const differing = stored.tokens.flatMap((expected, position) => {
      const token = found[position] ?? -1;
      return token === expected
        ? []
        : [{ position, expected, found: token, margin: stored.margins[position] ?? 0 }];
    });
    return {
      device: mx.defaultDevice(),
      sameWeights: weights === stored.weights,
      sameClip: audio === stored.audio,
      encoderError,
      encoderLimit: limits.encoder,
      tokens: stored.tokens.length,
      equalTokens: stored.tokens.length - differing.length,
      differing,
      marginLimit: limits.margin,
    };
  } finally {
    model.dispose();
  }
}

/** The first window of a clip, padded to 30 s: [1, 3000, nMels]. */
async function melOf({ deps }: WhisperModel, clip: string, signal: AbortSignal): Promise<MxArray> {
  const audio = await openAudio(clip);
  const windows = new AudioWindows(audio.samples, deps.mel);
  try {
    const span = await windows.next(0, signal);
    if (span === undefined) throw new SottoError('AUDIO_EMPTY', `${clip} has no audio`);
    return await windows.mel(span, WINDOW_FRAMES, 'zero', deps.model.dtype);
  } finally {
    await windows.dispose();
    await audio.close();
  }
}

/** @returns NaN if the output contains one */
function encoderErrorOf({ deps: { model } }: WhisperModel, mel: MxArray, stored: Stored): number {
  const features = mx.tidy(() => mx.astype(model.encoder.forward(mel), 'float32')); // [1, 1500, D]
  mx.eval(features);
  const all = features.toTypedArray() as Float32Array;
  const [, positions = 0, width = 0] = features.shape;
  const bytes = Buffer.from(stored.encoder, 'base64');
  let [worst, scale, at] = [0, 0, 0];
  for (let row = 0; row < positions; row += stored.positionStep)
    for (let column = 0; column < width; column += stored.columnStep, at += 4) {
      const right = at + 4 <= bytes.length ? bytes.readFloatLE(at) : NaN;
      const difference = Math.abs((all[row * width + column] ?? NaN) - right);
      if (Number.isNaN(difference)) worst = NaN;
      worst = Math.max(worst, difference);
      scale = Math.max(scale, Math.abs(right));
    }
  features.dispose();
  return at === bytes.length ? worst / scale : NaN;
}

/**
 * The most probable text token at each position, one decode step after another as in a dictation. The preceding
 * tokens are the reference's, so one difference changes no later token.
 */
function textTokens(
  { deps: { model } }: WhisperModel,
  audio: Awaited<ReturnType<typeof encode>>['crossKeysValues'],
  { start, tokens, firstSpecial }: Stored,
): number[] {
  const caches = makeCaches(model);
  try {
    return tokens.map((_, position) => {
      const given = position === 0 ? start : tokens.slice(position - 1, position);
      const best = mx.tidy(() => {
        const hidden = model.decoder.forward(tokenRow(given), caches, audio); // [1, T, D]
        const last = mx.slice(hidden, [0, given.length - 1, 0], [1, given.length, hidden.shape[2] ?? 0]);
        const logits = mx.slice(model.decoder.logits(last), [0, 0, 0], [1, 1, firstSpecial]);
        return mx.argmax(logits, -1);
      });
      mx.eval(best);
      const token = Number(best.item());
      best.dispose();
      return token;
    });
  } finally {
    for (const cache of caches) cache.dispose();
  }
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
