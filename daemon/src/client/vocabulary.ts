/**
 * Reads and changes the user's vocabulary. Changes apply from the next dictation on.
 *
 * @example
 * const { vocabulary, revision } = await client.vocabulary.get();
 * await client.vocabulary.add({ words: ['Nguyen'], replacements: [{ from: 'sean', to: 'Shaun' }] });
 */
import { SottoError } from '../protocol/errors.js';
import {
  VOCABULARY_LIMITS,
  type Vocabulary,
  type VocabularyChange,
  type VocabularyFormat,
  type VocabularyRequest,
  type VocabularyResult,
} from '../protocol/vocabulary.js';
import { LIMITS } from '../protocol/version.js';
import { defined } from '../protocol/defined.js';

/** If the vocabulary has another revision, it is not changed. Any revision if omitted. */
export interface ExpectedRevision {
  readonly revision?: string;
}

export type VocabularyChangeResult = VocabularyResult & { readonly change: VocabularyChange };

/** Size of an import message without its text. */
const ENVELOPE_BYTES = 1024;

export class VocabularyClient {
  readonly #request: (request: VocabularyRequest) => Promise<VocabularyResult>;

  constructor(request: (request: VocabularyRequest) => Promise<VocabularyResult>) {
    this.#request = request;
  }

  /** @throws SottoError VOCABULARY_CORRUPT */
  get(): Promise<VocabularyResult> {
    return this.#request({ do: 'get' });
  }

  /** Replaces existing entries. @throws SottoError VOCABULARY_CHANGED, INVALID_ARGUMENT */
  add(additions: Partial<Vocabulary>, expected: ExpectedRevision = {}): Promise<VocabularyChangeResult> {
    return this.#change({ do: 'add', ...additions, ...expected });
  }

  /** @param which replacements by their `from` */
  remove(
    removals: { readonly words?: string[]; readonly replacements?: string[] },
    expected: ExpectedRevision = {},
  ): Promise<VocabularyChangeResult> {
    return this.#change({ do: 'remove', ...removals, ...expected });
  }

  /** Replaces the whole vocabulary. @throws SottoError VOCABULARY_CHANGED, INVALID_ARGUMENT */
  set(vocabulary: Vocabulary, revision: string): Promise<VocabularyChangeResult> {
    return this.#change({ do: 'set', vocabulary, revision });
  }

  /**
   * @param text JSON, CSV, or one word per line
   * @throws SottoError INVALID_ARGUMENT
   */
  import(
    text: string,
    { replace, ...expected }: ExpectedRevision & { readonly replace?: boolean } = {},
  ): Promise<VocabularyChangeResult> {
    const bytes = Buffer.byteLength(JSON.stringify(text)) + ENVELOPE_BYTES;
    if (text.length > VOCABULARY_LIMITS.importLength || bytes > LIMITS.maxMessageBytes) {
      throw new SottoError('INVALID_ARGUMENT', 'the file is too large for a vocabulary', {
        hint: `a vocabulary has at most ${VOCABULARY_LIMITS.words} words and ${VOCABULARY_LIMITS.replacements} replacements`,
      });
    }
    return this.#change({ do: 'import', text, ...defined({ replace }), ...expected });
  }

  /** Text for `import`. */
  async export(format: VocabularyFormat): Promise<string> {
    return (await this.#request({ do: 'export', format })).text ?? '';
  }

  async #change(request: VocabularyRequest): Promise<VocabularyChangeResult> {
    const { change = { added: 0, changed: 0, removed: 0 }, ...result } = await this.#request(request);
    return { ...result, change };
  }
}
