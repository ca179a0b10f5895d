/** Decodes a piece of a file, by the code of live sessions. */
import type { PieceContext, PieceDecoder, SpeechPiece, TimedToken } from '../pieces/piece-decoder.js';
import type { SentencePieces } from '../text/sentence-pieces.js';
import { timedEmission } from '../transducer/timed-emission.js';
import { languageOfTag, slotOf } from './nemotron-languages.js';
import { UtteranceDecoder, type UtteranceDeps } from './utterance-decoder.js';

/** Memory does not grow with the length of a piece but for its samples. */
export const MAX_PIECE_SECONDS = 300;
/** More use the cores better, and need more memory. */
export const CHUNKS_AT_ONCE = 8;

export interface NemotronDecoderDeps extends Omit<UtteranceDeps, 'slot'> {
  readonly vocabulary: SentencePieces;
}

export class NemotronDecoder implements PieceDecoder {
  readonly maxSeconds = MAX_PIECE_SECONDS;
  detectedLanguage: string | undefined;
  readonly #deps: NemotronDecoderDeps;

  constructor(deps: NemotronDecoderDeps) {
    this.#deps = deps;
  }

  async decode(
    { samples }: SpeechPiece,
    { language, stopwatch }: PieceContext,
    signal: AbortSignal,
  ): Promise<TimedToken[]> {
    const { model, vocabulary } = this.#deps;
    const audio = { end: samples.length, read: (from: number, to: number) => samples.slice(from, to) };
    const decoder = new UtteranceDecoder({ ...this.#deps, slot: slotOf(model.config, language) });
    try {
      const emissions = await stopwatch.time('decode', async () => [
        ...(await decoder.advance(audio, signal, CHUNKS_AT_ONCE)),
        ...(await decoder.finish(audio, signal)),
      ]);
      for (const { token } of emissions) this.detectedLanguage ??= languageOfTag(vocabulary.pieces[token]);
      const texts = vocabulary.texts(emissions.map(({ token }) => token));
      return emissions.map((emission, i) => ({ ...timedEmission(emission, 0), text: texts[i] ?? '' }));
    } finally {
      decoder.dispose();
    }
  }
}
