/** Serves clients' requests to read and change the vocabulary. */
import type { VocabularyRequest, VocabularyResult } from '../../protocol/vocabulary.js';
import { addEntries, removeEntries, replaceEntries } from '../../store/vocabulary/vocabulary-changes.js';
import { formatVocabulary, parseImport } from '../../store/vocabulary/vocabulary-format.js';
import type { VocabularyFile } from '../../store/vocabulary/vocabulary-file.js';

export class VocabularyService {
  readonly #file: VocabularyFile;

  constructor(file: VocabularyFile) {
    this.#file = file;
  }

  /** @throws SottoError VOCABULARY_CORRUPT, VOCABULARY_CHANGED, INVALID_ARGUMENT, OUTPUT_FAILED, BUSY */
  async handle(request: VocabularyRequest): Promise<VocabularyResult> {
    switch (request.do) {
      case 'get':
        return this.#file.read();
      case 'export': {
        const kept = this.#file.read();
        return { ...kept, text: formatVocabulary(kept.vocabulary, request.format) };
      }
      case 'add': {
        const { words = [], replacements = [], revision } = request;
        return this.#file.change((now) => addEntries(now, { words, replacements }), revision);
      }
      case 'remove': {
        const { words = [], replacements = [], revision } = request;
        return this.#file.change((now) => removeEntries(now, { words, replacements }), revision);
      }
      case 'set':
        return this.#file.change((now) => replaceEntries(now, request.vocabulary), request.revision);
      case 'import': {
        const found = parseImport(request.text);
        const change = request.replace === true ? replaceEntries : addEntries;
        return this.#file.change((now) => change(now, found), request.revision);
      }
    }
  }
}
