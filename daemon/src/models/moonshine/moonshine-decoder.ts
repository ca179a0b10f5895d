/** Decodes pieces of speech: samples to tokens with their texts. */
import { SAMPLE_RATE } from '#daemon/audio/mel/mel.js';
import { isUncertainSpeech } from '#daemon/audio/vad/index.js';
import { mx } from '#native/index.js';

import { Hotwords } from '../hotwords/hotword-trie.js';
import { HotwordSearch } from '../hotwords/hotword-search.js';
import type { PieceContext, PieceDecoder, SpeechPiece, TimedToken } from '../pieces/piece-decoder.js';
import { spreadTimes } from '../pieces/spread-times.js';
import { BeamSearch, type Search } from '../search/search.js';
import { tokenLoopAtEnd, type TokenLoopLimits } from '../text/token-loop.js';
import {
  decodeTokens,
  makeCaches,
  type DecodedToken,
  type DecodedTokens,
  type DecodeLimits,
} from './decode-tokens.js';
import { encodeSamples, type AudioKeysValues } from './encode-samples.js';
import type { Moonshine } from './moonshine-network.js';
import type { MoonshineOptions } from './moonshine-options.js';
import type { PieceVocabulary } from './piece-vocabulary.js';
import { endToken, searchTokens } from './search-tokens.js';

/** The model was trained on audio of at most this length. */
const MAX_SPEECH_SECONDS = 30;
/** Its authors' code cuts nothing. Longer audio is cut, since the network was never trained on it and memory grows. */
export const MAX_PIECE_SECONDS = 40;
export const DEFAULT_TOKENS_PER_SECOND = 6.5;
/** A short word may need this many tokens, whatever its length: two, punctuation, and the end-of-text. */
const MIN_TOKENS = 5;

/** Silence before and after speech for which the model has no text. */
const PADDING_SAMPLES = 0.5 * SAMPLE_RATE;

/** Stops a decode: no speaker repeats so much in the same order. */
const CERTAIN_LOOP = { maxPeriod: 40, minRepeats: 4, minTokens: 32 };
/** A loop of a text that did not end by itself. */
const LIKELY_LOOP = { maxPeriod: 40, minRepeats: 3, minTokens: 8 };

export interface MoonshineDeps {
  readonly model: Moonshine;
  readonly vocabulary: PieceVocabulary;
}

interface DecoderOptions extends MoonshineOptions {
  /** Sequences of a beam search; 1 is greedy. */
  readonly beamSize?: number | undefined;
  /** Names and words to listen for. */
  readonly hotwords?: readonly string[] | undefined;
}

export class MoonshineDecoder implements PieceDecoder {
  readonly maxSeconds = MAX_SPEECH_SECONDS;
  readonly maxUncutSeconds = MAX_PIECE_SECONDS;
  readonly #deps: MoonshineDeps;
  readonly #tokensPerSecond: number;
  readonly #beamSize: number;
  readonly #hotwords: Hotwords;

  constructor(
    deps: MoonshineDeps,
    { maxTokensPerSecond = DEFAULT_TOKENS_PER_SECOND, beamSize = 1, hotwords = [] }: DecoderOptions = {},
  ) {
    this.#deps = deps;
    this.#tokensPerSecond = maxTokensPerSecond;
    this.#beamSize = beamSize;
    this.#hotwords = new Hotwords(hotwords, deps.vocabulary);
  }

  async decode(
    piece: SpeechPiece,
    context: PieceContext,
    signal: AbortSignal,
  ): Promise<readonly TimedToken[]> {
    let tokens = await this.#decodeSamples(piece.samples, piece, context, signal);
    const { evidence } = piece;
    // The model often has no text for speech without any silence around it.
    if (tokens.length === 0 && evidence !== undefined && !isUncertainSpeech(evidence))
      tokens = await this.#decodeSamples(withSilence(piece.samples), piece, context, signal);
    const texts = this.#deps.vocabulary.texts(tokens.map(({ id }) => id));
    return spreadTimes(
      tokens.map((token, i) => ({ ...token, text: texts[i] ?? '' })),
      piece,
    );
  }

  async #decodeSamples(
    samples: Float32Array,
    { spoken }: SpeechPiece,
    { stopwatch }: PieceContext,
    signal: AbortSignal,
  ): Promise<readonly DecodedToken[]> {
    const { model } = this.#deps;
    const audio = await stopwatch.time('encode', () => encodeSamples(model, samples, signal));
    // One position holds the start of the text.
    const wanted = Math.trunc((samples.length / SAMPLE_RATE) * this.#tokensPerSecond) - 1;
    const maxTokens = Math.min(model.config.maxTokens, Math.max(MIN_TOKENS, wanted));
    const caches = makeCaches(model, maxTokens);
    // Without VAD the text is what the model says, as its authors' code gives it.
    const isGuarded = spoken !== undefined;
    try {
      const tokens = await stopwatch.time('decode', () =>
        this.#decodeTokens(
          audio,
          caches,
          { maxTokens, shouldStop: (found) => isGuarded && loopOf(found, CERTAIN_LOOP) !== undefined },
          signal,
        ),
      );
      return isGuarded ? withoutLoop(tokens) : tokens.found;
    } finally {
      mx.dispose(audio);
      for (const cache of caches) cache.dispose();
    }
  }

  #decodeTokens(
    audio: AudioKeysValues,
    caches: ReturnType<typeof makeCaches>,
    limits: DecodeLimits,
    signal: AbortSignal,
  ): Promise<DecodedTokens> {
    const { model } = this.#deps;
    const search = this.#search();
    if (search === undefined) return decodeTokens(model, audio, caches, limits, signal);
    return searchTokens(model, audio, caches, search, limits, signal);
  }

  /** Undefined if the device chooses alone. */
  #search(): Search | undefined {
    const { model } = this.#deps;
    const beamSize = this.#beamSize;
    const options = { beamSize, endOfText: endToken(model), vocabulary: model.config.vocabulary };
    if (!this.#hotwords.isEmpty) return new HotwordSearch({ ...options, hotwords: this.#hotwords });
    return beamSize > 1 ? new BeamSearch(options) : undefined;
  }
}

function withSilence(samples: Float32Array): Float32Array {
  const padded = new Float32Array(samples.length + 2 * PADDING_SAMPLES);
  padded.set(samples, PADDING_SAMPLES);
  return padded;
}

/**
 * A text that did not end by itself, with its loop kept once. A text that is nothing but a loop is of no speech: none of it
 * is kept.
 */
function withoutLoop({ found, ended }: DecodedTokens): readonly DecodedToken[] {
  const loop = ended ? undefined : loopOf(found, LIKELY_LOOP);
  if (loop === undefined) return found;
  const before = found.length - loop.length;
  return before < loop.period ? [] : found.slice(0, before + loop.period);
}

function loopOf(tokens: readonly DecodedToken[], limits: TokenLoopLimits) {
  return tokenLoopAtEnd(
    tokens.map(({ id }) => id),
    limits,
  );
}
