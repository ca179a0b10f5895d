/**
 * Aligns the tokens of a window with its audio. The decoder runs over the whole text at once; some of its heads attend, at
 * each token, to the audio of that token, and dynamic time warping finds the monotonic path.
 */
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { yieldToEventLoop } from '#daemon/async.js';
import { tokenRow } from '../decode/decode.js';
import { firstFrames } from './dtw.js';
import type { EncodedWindow } from '../encode/encode.js';
import { medianOfSeven } from './median.js';
import type { Whisper } from '../model.js';
import { SECONDS_PER_TIMESTAMP, type WhisperTokenizer } from '../tokenizer.js';

export interface TokenTimes {
  /** Start of each token, and end of the last, in seconds from the start of the window. */
  readonly startSeconds: readonly number[];
  /** Probability of each token among all text tokens, given the tokens before it. 0…1 */
  readonly probabilities: readonly number[];
}

/** Positions per pass over the logits: 13 MB. */
const POSITIONS_PER_PASS = 64;
/**
 * Heads per pass. On the CPU, MLX allocates memory for all queued ops: one head fits in the CPU caches, four take ten times
 * as long as one.
 */
const HEADS_PER_PASS = { cpu: 1, gpu: 8 };

/**
 * @param tokens text only: no timestamps, no end-of-text
 * @param startSequence of the decode of the window
 * @param audioFrames mel frames of audio in the window; the padding after them is ignored
 * @throws SottoError CANCELLED within one block
 */
export async function alignTokens(
  { model, tokenizer }: { model: Whisper; tokenizer: WhisperTokenizer },
  { crossKeysValues }: EncodedWindow,
  tokens: readonly number[],
  { startSequence, audioFrames }: { startSequence: readonly number[]; audioFrames: number },
  signal: AbortSignal,
): Promise<TokenTimes> {
  if (tokens.length === 0) return { startSeconds: [0], probabilities: [] };
  const { noTimestamps, endOfText } = tokenizer.special;
  const start = [...startSequence.filter((token) => token !== noTimestamps), noTimestamps];
  const inputTokens = [...start, ...tokens, endOfText];
  const encodedFrames = crossKeysValues[0]?.[1].shape[2] ?? 0;
  const frames = Math.max(1, Math.min(encodedFrames, Math.floor(audioFrames / 2)));
  /** The positions that predict the tokens and the end-of-text. */
  const rows: Rows = { first: start.length - 1, count: tokens.length + 1 };
  return runWithAttention(
    model,
    crossKeysValues,
    inputTokens,
    rows,
    frames,
    signal,
    async (gain, hidden, settle) => {
      const first = firstFrames(gain, rows.count, frames);
      const probabilities: number[] = [];
      for (let from = 0; from < tokens.length; from += POSITIONS_PER_PASS) {
        const tokensInPass = tokens.slice(from, from + POSITIONS_PER_PASS);
        const [likely] = await settle([
          mx.tidy(() => probabilitiesOf(model, hidden, rows.first + from, tokensInPass, endOfText)),
        ]);
        probabilities.push(...Array.from(likely.toTypedArray() as Float32Array));
      }
      return { startSeconds: Array.from(first, (frame) => frame * SECONDS_PER_TIMESTAMP), probabilities };
    },
  );
}

/** Places of live tokens in the audio, in frames of 20 ms from the start of the window. */
export interface TokenPlaces {
  /** The frame that each token attends to most; beyond the audio if the model invented the token. */
  readonly attendedFrames: readonly number[];
  /** Start of each token, and end of the last, inside the audio and ascending. */
  readonly starts: readonly number[];
}

/**
 * `alignTokens` for live text: attention beyond the audio counts too, and the text has no end yet.
 */
export async function placeTokens(
  { model, tokenizer }: { model: Whisper; tokenizer: WhisperTokenizer },
  { crossKeysValues }: EncodedWindow,
  tokens: readonly number[],
  { startSequence, audioFrames }: { startSequence: readonly number[]; audioFrames: number },
  signal: AbortSignal,
): Promise<TokenPlaces> {
  if (tokens.length === 0) return { attendedFrames: [], starts: [0] };
  const inputTokens = [...startSequence, ...tokens, tokenizer.special.endOfText];
  const encodedFrames = crossKeysValues[0]?.[1].shape[2] ?? 0;
  const audio = Math.max(1, Math.min(encodedFrames, Math.floor(audioFrames / 2)));
  const rows: Rows = { first: startSequence.length - 1, count: tokens.length + 1 };
  return runWithAttention(model, crossKeysValues, inputTokens, rows, encodedFrames, signal, (gain) => {
    const cropped = new Float32Array(rows.count * audio);
    const attendedFrames: number[] = [];
    for (let row = 0; row < rows.count; row++) {
      const rowGain = gain.subarray(row * encodedFrames, (row + 1) * encodedFrames);
      attendedFrames.push(rowGain.indexOf(rowGain.reduce((max, value) => Math.max(max, value), -Infinity)));
      cropped.set(rowGain.subarray(0, audio), row * audio);
    }
    const starts = Array.from(firstFrames(cropped, rows.count, audio));
    return Promise.resolve({ attendedFrames: attendedFrames.slice(0, -1), starts });
  });
}

type Settle = <T extends [MxArray, ...MxArray[]]>(made: T, ...spent: MxArray[]) => Promise<T>;

/**
 * Runs the decoder over a whole text and collects the attention of its alignment heads.
 *
 * @param read receives the normalized attention of `rows` to each frame, row-major [rows, frames], and the hidden states
 *   before the last norm, [1, T, D]
 */
async function runWithAttention<T>(
  { decoder, config, alignmentHeads }: Whisper,
  crossKeysValues: EncodedWindow['crossKeysValues'],
  inputTokens: readonly number[],
  rows: Rows,
  frames: number,
  signal: AbortSignal,
  read: (gain: Float32Array, hidden: MxArray, settle: Settle) => Promise<T>,
): Promise<T> {
  if (inputTokens.length > config.nTextCtx)
    throw new RangeError(`${inputTokens.length} tokens exceed the context of the decoder`);
  const headsOf = (block: number): number[] =>
    alignmentHeads.flatMap(([layer, head]) => (layer === block ? [head] : []));

  const together = HEADS_PER_PASS[mx.defaultDevice()];
  const caches = decoder.blocks.map(() => nn.selfAttentionCache(inputTokens.length));
  const held = new Set<MxArray>();
  const settle: Settle = async (made, ...spent) => {
    for (const array of made) held.add(array);
    await mx.ready(...made);
    await yieldToEventLoop(signal);
    for (const array of spent) held.delete(array);
    mx.dispose(spent);
    return made;
  };
  try {
    let [x, attention] = await settle([
      mx.tidy(() => decoder.embed(tokenRow(inputTokens), 0)), // [1, T, D]
      mx.zeros([rows.count, frames]),
    ]);
    for (const [i, block] of decoder.blocks.entries()) {
      const [cache, audio, heads] = [caches[i], crossKeysValues[i], headsOf(i)];
      if (cache === undefined || audio === undefined) throw new RangeError(`no audio for block ${i}`);
      const input = x;
      if (heads.length === 0) {
        [x] = await settle([mx.tidy(() => block.step(input, cache, audio))], input);
        continue;
      }
      const [output, queries] = mx.tidy(() => block.stepWithQueries(input, cache, audio));
      [x] = await settle([output, queries], input);
      for (let first = 0; first < heads.length; first += together) {
        const some = heads.slice(first, first + together);
        const [scores] = await settle([
          mx.tidy(() => normalizedScores(nn.crossAttentionScores(queries, audio, some, frames), rows)),
        ]);
        const before = attention;
        const sum = mx.tidy(() => mx.add(before, mx.sum(medianOfSeven(scores), [0, 1])));
        [attention] = await settle([sum], before, scores);
      }
      held.delete(queries);
      mx.dispose([queries]);
    }
    return await read(Float32Array.from(attention.toTypedArray() as Float32Array), x, settle);
  } finally {
    mx.dispose([...held]);
    for (const cache of caches) cache.dispose();
  }
}

interface Rows {
  readonly first: number;
  readonly count: number;
}

/**
 * Scores [1, heads, T, frames] → attention of `rows` relative to all positions, in standard deviations per frame,
 * [1, heads, rows, frames].
 */
function normalizedScores(scores: MxArray, { first, count }: Rows): MxArray {
  const [, heads = 0, , frames = 0] = scores.shape;
  const weights = mx.softmax(scores, -1, { precise: true });
  const centered = mx.subtract(weights, mx.mean(weights, -2, true));
  const deviation = mx.sqrt(mx.mean(mx.square(centered), -2, true));
  const selected = mx.slice(centered, [0, 0, first, 0], [1, heads, first + count, frames]);
  // If all positions attend equally, as to the only frame of a tiny window, the deviation is 0.
  return mx.divide(selected, mx.where(mx.equal(deviation, 0), 1, deviation));
}

/** Probabilities of `tokens` at the positions from `first` on, among all text tokens. [tokens] */
function probabilitiesOf(
  { decoder, config }: Whisper,
  x: MxArray,
  first: number,
  tokens: readonly number[],
  textSize: number,
): MxArray {
  const count = tokens.length;
  const hidden = mx.slice(x, [0, first, 0], [1, first + count, config.nTextState]);
  const all = mx.reshape(decoder.logits(decoder.ln.forward(hidden)), [count, config.nVocab]);
  const logits = mx.contiguous(mx.slice(all, [0, 0], [count, textSize]));
  // The argmax and its log-probability give the normalizer three times as fast as MLX's logsumexp.
  const [best, logprob] = nn.argmax(logits);
  const at = (tokens: MxArray): MxArray => mx.reshape(mx.takeAlongAxis(logits, tokens, -1), [count]);
  const textLogits = at(mx.array(Int32Array.from(tokens), [count, 1]));
  return mx.exp(mx.add(mx.subtract(textLogits, at(mx.reshape(best, [count, 1]))), logprob));
}
