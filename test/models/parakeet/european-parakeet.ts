/** A tiny random checkpoint with the number of tokens of the European model: its words are of three scripts. */
import { emptyParakeetDir } from './parakeet-fixtures.js';
import { SMALL_HYBRID, writeRandomParakeet } from './random-parakeet.js';

/** The number of tokens of the model with European languages. */
const TOKENS = 8192;
/** Each word has one of them and a number. */
export const LETTERS = ['a', 'я', 'ω'] as const;

/** @returns its directory */
export function europeanParakeetDir(): string {
  const dir = emptyParakeetDir();
  const { encoder, transducer } = SMALL_HYBRID;
  if (transducer === undefined) throw new Error('the model has no transducer');
  const config = {
    ...SMALL_HYBRID,
    tokens: TOKENS,
    encoder: { ...encoder, layers: 1, dims: 64, feedForwardDims: 128, subsamplingChannels: 16 },
    transducer: { ...transducer, tokens: TOKENS, encoderDims: 64, predictionDims: 32, jointDims: 32 },
  };
  writeRandomParakeet(dir, config, 'float32', (id) => `\u2581${wordOf(id)}`);
  return dir;
}

/** The word of a token. */
export function wordOf(id: number): string {
  return `${LETTERS[id % LETTERS.length] ?? ''}${id}`;
}
