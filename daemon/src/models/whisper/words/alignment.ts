/**
 * When each token of a window was said. The decoder is shown the whole text at once; some of its heads look, at each
 * token, at the audio that it stands for, and time warping finds the one way through it that goes only forward.
 */
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { yieldToEventLoop } from '../cancellation.js';
import { tokenRow } from '../decode/decode.js';
import { firstFrames } from './dtw.js';
import type { EncodedWindow } from '../encode/encode.js';
import { medianOfSeven } from './median.js';
import type { Whisper } from '../model.js';
import { SECONDS_PER_TIMESTAMP, type WhisperTokenizer } from '../tokenizer.js';

export interface TokenTimes {
  /** When each token begins, in seconds from the start of the window; behind the last one, when it ends. */
  readonly startSeconds: readonly number[];
  /** Of each token among all tokens of text, given the tokens before it. 0…1 */
  readonly probabilities: readonly number[];
}

/** Positions whose probabilities are computed at once: 13 MB of logits. */
const POSITIONS_PER_PASS = 64;
/**
 * Heads that are looked at together. On the CPU, MLX takes the memory of all ops that are queued, anew each time: what one
 * head needs stays in the caches, four take ten times as long as one.
 */
const HEADS_PER_PASS = { cpu: 1, gpu: 8 };

/**
 * @param tokens text alone: no timestamps, no end-of-text
 * @param startSequence what the window was decoded with
 * @param audioFrames mel frames of the window that are audio: what is behind them is not listened to
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
  /** The position that foretells the first token, and those that follow up to the one that foretells the end. */
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
        const said = tokens.slice(from, from + POSITIONS_PER_PASS);
        const [likely] = await settle([
          mx.tidy(() => probabilitiesOf(model, hidden, rows.first + from, said, endOfText)),
        ]);
        probabilities.push(...Array.from(likely.toTypedArray() as Float32Array));
      }
      return { startSeconds: Array.from(first, (frame) => frame * SECONDS_PER_TIMESTAMP), probabilities };
    },
  );
}

/** Where each token of a text that is still being said was heard, in frames of 20 ms from the start of the window. */
export interface TokenPlaces {
  /** The frame that is looked at most; behind the audio if the model made the token up. */
  readonly attendedFrames: readonly number[];
  /** When each token begins; behind the last one, when it ends. Within the audio. Ascending. */
  readonly starts: readonly number[];
}

/**
 * As `alignTokens`, for what is still being said: what the tokens look at behind the audio counts too, and the text has
 * no end yet.
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
      attendedFrames.push(rowGain.indexOf(rowGain.reduce((most, value) => Math.max(most, value), -Infinity)));
      cropped.set(rowGain.subarray(0, audio), row * audio);
    }
    const starts = Array.from(firstFrames(cropped, rows.count, audio));
    return Promise.resolve({ attendedFrames: attendedFrames.slice(0, -1), starts });
  });
}

type Settle = <T extends [MxArray, ...MxArray[]]>(made: T, ...spent: MxArray[]) => Promise<T>;

/**
 * Shows the decoder a whole text at once and watches what its alignment heads look at.
 *
 * @param read is given how much more each of `rows` looks at each frame than the others do, row-major [rows, frames], and
 *   the hidden states before the last norm, [1, T, D]
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
    throw new RangeError(`${inputTokens.length} tokens are more than a window has`);
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
 * Scores [1, heads, T, frames] → how much more each of `rows` looks at a frame than the other positions do,
 * [1, heads, rows, frames].
 */
function normalizedScores(scores: MxArray, { first, count }: Rows): MxArray {
  const [, heads = 0, , frames = 0] = scores.shape;
  const weights = mx.softmax(scores, -1, { precise: true });
  const centred = mx.subtract(weights, mx.mean(weights, -2, true));
  const deviation = mx.sqrt(mx.mean(mx.square(centred), -2, true));
  const selected = mx.slice(centred, [0, 0, first, 0], [1, heads, first + count, frames]);
  // Where all positions look alike, as at the only frame of a tiny window, none looks more.
  return mx.divide(selected, mx.where(mx.equal(deviation, 0), 1, deviation));
}

/** Probabilities of `tokens` at the positions from `first` on, among all tokens of text. [tokens] */
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
  // The likeliest token's share tells the sum of all, and is found three times as fast as MLX adds exponentials.
  const [best, logprob] = nn.argmax(logits);
  const at = (tokens: MxArray): MxArray => mx.reshape(mx.takeAlongAxis(logits, tokens, -1), [count]);
  const said = at(mx.array(Int32Array.from(tokens), [count, 1]));
  return mx.exp(mx.add(mx.subtract(said, at(mx.reshape(best, [count, 1]))), logprob));
}
