/** From samples to the letters of the text, and to the frames of a known text. */
import { SAMPLE_RATE } from '#daemon/audio/mel/mel.js';
import { mx, type MxArray } from '#native/index.js';

import { emissionsOf, type CtcToken, type Emissions } from '../ctc/emissions.js';
import type { TimedToken } from '../pieces/piece-decoder.js';
import { runSteps } from '../network-steps.js';
import type { LetterVocabulary } from './letter-vocabulary.js';
import { frameGeometry, outputHop, type Wav2Vec2Config } from './wav2vec2-config.js';
import type { Wav2Vec2 } from './wav2vec2-network.js';

/** Of the normalization in transformers. */
const VARIANCE_FLOOR = 1e-7;

/**
 * Frames of a norm over channels are computed independently of each other, in blocks of 5 s, because the first layers are
 * wide: 30 s at once take 0.8 GB.
 */
export const BLOCK_FRAMES = 250;

/** @throws SottoError CANCELLED within two layers; ENGINE_CRASHED if the output is NaN */
export async function emissionsOfSamples(
  network: Wav2Vec2,
  samples: Float32Array,
  normalizes: boolean,
  signal: AbortSignal,
): Promise<Emissions> {
  const { window } = frameGeometry(network.config);
  if (samples.length < window) {
    return { frames: 0, classes: network.config.vocab_size, logprobs: new Float32Array(0) };
  }
  const features = await featuresOf(network, normalizes ? normalized(samples) : samples, signal);
  const logits = await runSteps(features, network.encoderSteps(), signal);
  try {
    const [, frames = 0, classes = 0] = logits.shape;
    const rows = mx.reshape(logits, [frames, classes]);
    try {
      return await emissionsOf(rows);
    } finally {
      rows.dispose();
    }
  } finally {
    logits.dispose();
  }
}

/** The output of the convolutions, [1, T, C]. */
async function featuresOf(network: Wav2Vec2, samples: Float32Array, signal: AbortSignal): Promise<MxArray> {
  const { config } = network;
  const compute = (part: Float32Array): Promise<MxArray> => {
    const input = mx.array(part, [1, part.length, 1]);
    const x = network.dtype === 'float32' ? input : mx.astype(input, network.dtype);
    if (x !== input) input.dispose();
    return runSteps(x, network.featureSteps(), signal);
  };
  if (config.feat_extract_norm === 'group') return compute(samples);
  const { hop, window } = frameGeometry(config);
  const frames = Math.floor((samples.length - window) / hop) + 1;
  const blocks: MxArray[] = [];
  try {
    for (let from = 0; from < frames; from += BLOCK_FRAMES) {
      const to = Math.min(frames, from + BLOCK_FRAMES);
      blocks.push(await compute(samples.subarray(from * hop, (to - 1) * hop + window)));
    }
    return mx.concatenate(blocks, 1);
  } finally {
    mx.dispose(blocks);
  }
}

/** Mean 0, variance 1, over the whole piece. */
function normalized(samples: Float32Array): Float32Array {
  const mean = samples.reduce((sum, x) => sum + x, 0) / samples.length;
  const variance = samples.reduce((sum, x) => sum + (x - mean) ** 2, 0) / samples.length;
  const scale = 1 / Math.sqrt(variance + VARIANCE_FLOOR);
  return samples.map((x) => (x - mean) * scale);
}

/** Seconds of a frame: it starts where its first sample is. */
export function secondsOf(frame: number, config: Wav2Vec2Config): number {
  return (frame * outputHop(config)) / SAMPLE_RATE;
}

/**
 * The tokens with their text: the first letter of a word has the space before it. Tokens without text, the delimiter among
 * them, lie at the end of the letter before.
 */
export function timedTokens(
  tokens: readonly CtcToken[],
  vocabulary: LetterVocabulary,
  config: Wav2Vec2Config,
): TimedToken[] {
  // The space of the first word belongs to the first token, though it may have no text of its own.
  let [beginsWord, hasLetters] = [true, false];
  let lastEnd = 0;
  return tokens.map(({ id, start, end, logprob }, i) => {
    const letters = vocabulary.textOf(id);
    const space = beginsWord && (letters !== '' || i === 0) ? ' ' : '';
    const [begin, finish] =
      letters === '' ? [lastEnd, lastEnd] : [secondsOf(start, config), secondsOf(end, config)];
    if (space !== '') beginsWord = false;
    hasLetters ||= letters !== '';
    beginsWord ||= hasLetters && id === vocabulary.delimiter;
    lastEnd = finish;
    return { id, text: space + letters, probability: Math.exp(logprob), start: begin, end: finish };
  });
}
