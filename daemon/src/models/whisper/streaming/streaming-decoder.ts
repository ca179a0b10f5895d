/** Encodes and decodes one window of a live session. Keeps no state between windows. */
import type { VoiceEvidence } from '#daemon/audio/vad/index.js';
import type { LiveMel } from '#daemon/audio/mel/live-mel.js';
import { FRAMES_PER_SECOND } from '#daemon/audio/mel/mel.js';
import { mx } from '#native/index.js';
import type * as nn from '#native/nn/index.js';

import { placeTokens, type TokenPlaces } from '../words/alignment.js';
import { makeCaches } from '../decode/decode.js';
import { encode, type EncodedWindow } from '../encode/encode.js';
import type { Hotwords } from '../../hotwords/hotword-trie.js';
import { detectLanguage, type DetectedLanguage } from '../language/detect-language.js';
import { LogitFilters } from '../decode/logit-filters.js';
import { loopAtEnd } from '../decode/loops.js';
import { secondBeamSizeFor } from '../decode/second-decode.js';
import { type WindowLength, windowFrames } from '../encode/short-window.js';
import type { WhisperDeps } from '../whisper-transcription.js';
import { type RawHypothesis, hypothesize } from './hypothesize.js';
import { hypothesizeWithHotwords } from './hypothesize-with-hotwords.js';
import { hypothesizeAgainIfDoubtful } from './second-hypothesis.js';

/** Faster than any speaker. */
const MAX_TOKENS_PER_SECOND = 8;
const EXTRA_TOKENS = 6;

interface StreamingDecodeRequest {
  readonly language: string;
  /** Mel frames of the window that are audio. */
  readonly audioFrames: number;
  /** Tokens of the text before the window, its committed tokens, and the last hypothesis after them. */
  readonly prompt: readonly number[];
  readonly committed: readonly number[];
  readonly draft: readonly number[];
  /** Evidence of speech from the VAD. */
  readonly evidence?: VoiceEvidence;
  /** Whether a doubtful hypothesis is decoded again with beams. */
  readonly decodesTwice: boolean;
}

export interface StreamingDecodeResult {
  readonly rawHypothesis: RawHypothesis;
  /** Of the committed tokens and the hypothesis after them. */
  readonly places: TokenPlaces;
}

export class StreamingDecoder {
  readonly #deps: WhisperDeps;
  readonly #length: WindowLength;
  readonly #caches: readonly nn.SelfAttentionCache[];
  readonly #filters: LogitFilters;

  readonly #hotwords: Hotwords | undefined;

  constructor(deps: WhisperDeps, length: WindowLength, hotwords?: Hotwords) {
    this.#deps = deps;
    this.#length = length;
    this.#hotwords = hotwords;
    this.#caches = makeCaches(deps.model);
    this.#filters = new LogitFilters(deps.tokenizer, deps.model.config, { timestamps: false });
  }

  /** Mel frames to encode for `audioFrames` of audio. */
  windowFrames(audioFrames: number): number {
    return windowFrames(audioFrames, this.#length);
  }

  /** @throws SottoError CANCELLED, ENGINE_CRASHED */
  encode(mel: LiveMel, start: number, audioFrames: number, signal: AbortSignal): Promise<EncodedWindow> {
    const { model } = this.#deps;
    const length = this.windowFrames(audioFrames);
    const window = mel.window(start, length);
    return encode(
      model,
      mx.tidy(() => mx.array(window, [1, length, model.config.nMels]).astype(model.dtype)),
      signal,
    );
  }

  languageOf(window: EncodedWindow): Promise<DetectedLanguage> {
    const { model, tokenizer } = this.#deps;
    return detectLanguage(model, tokenizer, window, this.#caches);
  }

  /** @throws SottoError CANCELLED within one token */
  async decode(
    window: EncodedWindow,
    request: StreamingDecodeRequest,
    signal: AbortSignal,
  ): Promise<StreamingDecodeResult> {
    const { model, tokenizer } = this.#deps;
    const { language, audioFrames, prompt, committed, draft, evidence, decodesTwice } = request;
    const startSequence = tokenizer.startSequence(language, 'transcribe', false);
    const maxSpokenTokens =
      Math.ceil((audioFrames / FRAMES_PER_SECOND) * MAX_TOKENS_PER_SECOND) + EXTRA_TOKENS;
    const context = {
      model,
      tokenizer,
      caches: this.#caches,
      filters: this.#filters,
      startSequence,
      seed: 0,
      evidence,
      search: { secondBeamSize: decodesTwice ? secondBeamSizeFor(model.config) : undefined },
      hotwords: this.#hotwords,
    };
    const input = { prompt, committed, draft, maxTokens: Math.max(1, maxSpokenTokens - committed.length) };
    const first =
      this.#hotwords === undefined
        ? await hypothesize(context, window, input, signal)
        : await hypothesizeWithHotwords({ ...context, hotwords: this.#hotwords }, window, input, signal);
    const hypothesis = await hypothesizeAgainIfDoubtful(first, context, window, input, signal);
    const rawHypothesis = cutLoop(hypothesis, committed, tokenizer.special.endOfText);
    const all = [...committed, ...rawHypothesis.tokens];
    const places = await placeTokens(this.#deps, window, all, { startSequence, audioFrames }, signal);
    return { rawHypothesis, places };
  }

  dispose(): void {
    this.#filters.dispose();
    for (const cache of this.#caches) cache.dispose();
  }
}

/** Cuts a repetition loop down to its first pass. */
function cutLoop(
  rawHypothesis: RawHypothesis,
  committed: readonly number[],
  endOfText: number,
): RawHypothesis {
  const loop = loopAtEnd([...committed, ...rawHypothesis.tokens], endOfText);
  if (loop === undefined) return rawHypothesis;
  const kept = Math.max(0, loop.firstEnd - committed.length);
  return {
    ...rawHypothesis,
    tokens: rawHypothesis.tokens.slice(0, kept),
    logprobs: rawHypothesis.logprobs.slice(0, kept),
    ended: false,
  };
}
