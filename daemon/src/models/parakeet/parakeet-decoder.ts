/** Decodes a piece of speech: the encoder once, then the transducer or the CTC head over its frames. */
import { yieldToEventLoop } from '#daemon/async.js';
import type { FrontEnd } from '#daemon/audio/mel/front-end.js';
import { HOP_SAMPLES, SAMPLE_RATE } from '#daemon/audio/mel/mel.js';
import { MIN_FRAMES } from '#daemon/audio/mel/normalized-frames.js';
import { mx, type MxArray } from '#native/index.js';

import { SUBSAMPLING, type AttentionContext } from '../conformer/conformer-config.js';
import { encodeMels, encodesTogether } from '../conformer/encode-mel.js';
import { decodeEmissions } from '../ctc/decode-emissions.js';
import { emissionsOf } from '../ctc/emissions.js';
import type { Hotwords } from '../hotwords/hotword-trie.js';
import { pieceHotwords } from '../hotwords/piece-hotwords.js';
import type { PieceContext, PieceDecoder, SpeechPiece, TimedToken } from '../pieces/piece-decoder.js';
import { decodeBeam } from '../transducer/beam.js';
import type { Emission } from '../transducer/greedy-walk.js';
import { decodeSequences } from '../transducer/transducer-decoder.js';
import type { Stopwatch } from '../stopwatch.js';
import type { Transducer } from '../transducer/transducer.js';
import type { LanguageFilter } from './language-filter.js';
import type { Parakeet } from './parakeet-network.js';
import type { ParakeetOptions } from './parakeet-options.js';
import { melOf } from './parakeet-features.js';
import type { SentencePieces } from '../text/sentence-pieces.js';

export interface ParakeetDeps {
  readonly model: Parakeet;
  readonly mel: FrontEnd;
  readonly vocabulary: SentencePieces;
  readonly filter: LanguageFilter;
  /** Absent for a model with CTC alone. */
  readonly transducer: Transducer | undefined;
}

/** Attention grows with the square of the length: at 60 s it takes a tenth of the encoder's time. */
export const MAX_PIECE_SECONDS = 60;
/** With local attention a longer piece needs no more memory than the subsampling of a short one. */
const MAX_LOCAL_PIECE_SECONDS = 300;
/** A wider context costs as much as full attention. */
const MAX_LOCAL_CONTEXT_FRAMES = 1_000;

const FRAME_SECONDS = (SUBSAMPLING * HOP_SAMPLES) / SAMPLE_RATE;

/** A token in frames of the encoder. */
interface FramedToken {
  readonly id: number;
  readonly start: number;
  readonly end: number;
  readonly logprob: number;
}

export interface ParakeetDecoderOptions extends ParakeetOptions {
  /** Texts of a beam search; 1 is greedy. */
  readonly beamSize?: number | undefined;
  /** Names and words to listen for. */
  readonly hotwords?: readonly string[] | undefined;
}

export class ParakeetDecoder implements PieceDecoder {
  readonly maxSeconds: number;
  readonly #deps: ParakeetDeps;
  readonly #head: ParakeetOptions['head'];
  readonly #beamSize: number;
  readonly #hotwords: Hotwords | undefined;
  readonly #context: AttentionContext | undefined;

  constructor(deps: ParakeetDeps, { head, localAttention, beamSize = 1, hotwords }: ParakeetDecoderOptions) {
    this.#deps = deps;
    this.#head = head;
    this.#beamSize = beamSize;
    this.#hotwords = pieceHotwords(deps.vocabulary, hotwords);
    this.#context = chosenContext(localAttention) ?? deps.model.config.encoder.attentionContext;
    this.maxSeconds = maxPieceSeconds(this.#context);
  }

  async decode(piece: SpeechPiece, context: PieceContext, signal: AbortSignal): Promise<TimedToken[]> {
    const [tokens = []] = await this.decodeBatch([piece], context, signal);
    return tokens;
  }

  async decodeBatch(
    pieces: readonly SpeechPiece[],
    { language, stopwatch }: PieceContext,
    signal: AbortSignal,
  ): Promise<TimedToken[][]> {
    const isLong = pieces.map(({ samples }) => samples.length >= MIN_FRAMES * HOP_SAMPLES);
    const features: MxArray[] = [];
    try {
      for await (const some of this.#encode(
        pieces.filter((_, i) => isLong[i]),
        stopwatch,
        signal,
      ))
        features.push(...some);
      const decoded = await stopwatch.time('decode', () => this.#tokens(features, language, signal));
      return isLong.map((is) => this.#timed((is ? decoded.shift() : undefined) ?? []));
    } finally {
      mx.dispose(features);
    }
  }

  /** The features of the pieces, those at once that the encoder reads at once: the log-mel of the others would only wait. */
  async *#encode(
    pieces: readonly SpeechPiece[],
    stopwatch: Stopwatch,
    signal: AbortSignal,
  ): AsyncGenerator<MxArray[], void> {
    const { encoder } = this.#deps.model;
    const groups = encodesTogether(encoder) ? [pieces] : pieces.map((piece) => [piece]);
    for (const group of groups) {
      const mels = await stopwatch.time('mel', () => this.#mels(group, signal));
      yield await stopwatch.time('encode', () => encodeMels(encoder, mels, signal, this.#context));
    }
  }

  async #mels(pieces: readonly SpeechPiece[], signal: AbortSignal): Promise<MxArray[]> {
    const mels: MxArray[] = [];
    try {
      for (const { samples } of pieces) {
        mels.push(await melOf(this.#deps, samples));
        await yieldToEventLoop(signal);
      }
      return mels;
    } catch (error) {
      mx.dispose(mels);
      throw error;
    }
  }

  #timed(tokens: readonly FramedToken[]): TimedToken[] {
    const texts = this.#deps.vocabulary.texts(tokens.map(({ id }) => id));
    return tokens.map(({ id, start, end, logprob }, i) => ({
      id,
      text: texts[i] ?? '',
      probability: Math.exp(logprob),
      start: start * FRAME_SECONDS,
      end: end * FRAME_SECONDS,
    }));
  }

  async #tokens(
    features: readonly MxArray[],
    language: string | undefined,
    signal: AbortSignal,
  ): Promise<FramedToken[][]> {
    const { transducer, filter } = this.#deps;
    const bias = filter.biasOf(language);
    if (transducer !== undefined && this.#head !== 'ctc') {
      const emissions = await this.#emissions(transducer, features, bias, signal);
      return emissions.map((all) =>
        all.map(({ token, frame, frames, logprob }) => ({
          id: token,
          start: frame,
          end: frame + frames,
          logprob,
        })),
      );
    }
    const all: FramedToken[][] = [];
    for (const each of features) all.push(await this.#ctcTokens(each, bias, signal));
    return all;
  }

  async #emissions(
    transducer: Transducer,
    features: readonly MxArray[],
    bias: MxArray | undefined,
    signal: AbortSignal,
  ): Promise<(readonly Emission[])[]> {
    const [beamSize, hotwords] = [this.#beamSize, this.#hotwords];
    if (beamSize <= 1) return decodeSequences(transducer, features, { hotwords, bias }, signal);
    const all: (readonly Emission[])[] = [];
    for (const each of features)
      all.push(await decodeBeam(transducer, each, { beamSize, hotwords, bias, signal }));
    return all;
  }

  async #ctcTokens(
    features: MxArray,
    bias: MxArray | undefined,
    signal: AbortSignal,
  ): Promise<FramedToken[]> {
    const { ctc_decoder: head, config } = this.#deps.model;
    if (head === null) throw new RangeError('the model has no CTC head');
    const logits = mx.tidy(() => {
      const scores = head.forward(features);
      return bias === undefined ? scores : mx.add(scores, mx.slice(bias, [0], [config.tokens + 1]));
    });
    try {
      const options = { beamSize: this.#beamSize, hotwords: this.#hotwords, signal };
      return await decodeEmissions(await emissionsOf(logits), { blank: config.tokens, ...options });
    } finally {
      logits.dispose();
    }
  }
}

/** The context that a request chooses, if it does. */
export function chosenContext(frames: ParakeetOptions['localAttention']): AttentionContext | undefined {
  return frames && { back: frames[0], ahead: frames[1] };
}

/** The longest piece. @param context undefined: full attention */
export function maxPieceSeconds(context: AttentionContext | undefined): number {
  const isLocal = context !== undefined && context.back + context.ahead <= MAX_LOCAL_CONTEXT_FRAMES;
  return isLocal ? MAX_LOCAL_PIECE_SECONDS : MAX_PIECE_SECONDS;
}
