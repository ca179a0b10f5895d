/** What the logits of a model of several languages lose when the user names the language. */
import { mx, type MxArray } from '#native/index.js';

import type { SentencePieces } from '../text/sentence-pieces.js';
import { writablePieces } from '../text/script-pieces.js';
import type { ParakeetConfig } from './parakeet-config.js';
import { languagesOf } from './parakeet-languages.js';

export class LanguageFilter {
  readonly #config: ParakeetConfig;
  readonly #vocabulary: SentencePieces;
  readonly #biases = new Map<string, MxArray | undefined>();

  constructor(config: ParakeetConfig, vocabulary: SentencePieces) {
    this.#config = config;
    this.#vocabulary = vocabulary;
  }

  /**
   * 0, or -∞ for a token with letters of another script: [tokens + blank + durations]. The filter owns it.
   *
   * @returns undefined if the model writes one language only, none was chosen, or all tokens fit
   */
  biasOf(language: string | undefined): MxArray | undefined {
    if (language === undefined || languagesOf(this.#config).length < 2) return undefined;
    if (!this.#biases.has(language)) this.#biases.set(language, this.#makeBias(language));
    return this.#biases.get(language);
  }

  dispose(): void {
    mx.dispose([...this.#biases.values()].flatMap((bias) => bias ?? []));
    this.#biases.clear();
  }

  #makeBias(language: string): MxArray | undefined {
    const { tokens, transducer } = this.#config;
    const writable = writablePieces(this.#vocabulary.pieces, language);
    if (!writable.includes(false)) return undefined;
    const bias = new Float32Array(tokens + 1 + (transducer?.durations.length ?? 0));
    for (const [id, fits] of writable.entries()) if (!fits && id < tokens) bias[id] = -Infinity;
    return mx.keep(mx.array(bias, [bias.length]));
  }
}
