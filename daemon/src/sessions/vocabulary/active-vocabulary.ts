/** The user's vocabulary as sessions and jobs use it: read when one begins, and again where its text is written. */
import type { Logger } from '../../logger.js';
import { SottoError } from '../../protocol/errors.js';
import { EMPTY_VOCABULARY } from '../../store/vocabulary/change.js';
import { foldCase } from '../../store/vocabulary/word-keys.js';
import type { StoredVocabulary } from '../../store/vocabulary/vocabulary-file.js';
import { Replacer } from './replacer.js';

interface VocabularySnapshot {
  readonly words: readonly string[];
  readonly replacer: Replacer;
  /** Why it is not what the user has written down. */
  readonly problem?: SottoError;
}

/** What a request says of it itself. */
interface VocabularyOptions {
  readonly hotwords?: string[];
  readonly initialPrompt?: string;
  readonly vocabulary?: boolean;
}

export class ActiveVocabulary {
  readonly #read: () => StoredVocabulary;
  readonly #log: Logger;
  #revision: string | undefined;
  #loggedProblem: string | undefined;
  #now: VocabularySnapshot = { words: EMPTY_VOCABULARY.words, replacer: new Replacer([]) };

  /** @param read may throw: then the one before stays, and it is said */
  constructor(read: () => StoredVocabulary, log: Logger) {
    this.#read = read;
    this.#log = log;
  }

  now(): VocabularySnapshot {
    try {
      const { revision, vocabulary } = this.#read();
      this.#loggedProblem = undefined;
      if (revision === this.#revision) return this.#now;
      this.#now = { words: vocabulary.words, replacer: new Replacer(vocabulary.replacements) };
      this.#revision = revision;
      return this.#now;
    } catch (thrown) {
      const problem = SottoError.from(thrown);
      // What it says may hold words of the user: they are for nobody's log.
      if (this.#loggedProblem !== problem.message)
        this.#log.warn({ code: problem.code }, 'the vocabulary is not used');
      this.#loggedProblem = problem.message;
      return { ...this.#now, problem };
    }
  }
}

/** None, for those who have none. */
export const NO_VOCABULARY: Pick<ActiveVocabulary, 'now'> = {
  now: () => ({ words: [], replacer: EMPTY_REPLACER }),
};

const EMPTY_REPLACER = new Replacer([]);

/**
 * What a request is to listen for: the words, unless it brings some of its own. One that its prompt holds is left out: a
 * model that is shown a word and paid for saying it says little else (test/bench/baseline/hotwords.md).
 */
export function hotwordsFor(
  { hotwords: own, initialPrompt = '', vocabulary = true }: VocabularyOptions,
  words: readonly string[],
): { hotwords?: string[] } {
  if (!vocabulary || own !== undefined) return {};
  const prompt = foldCase(initialPrompt);
  const hotwords = words.filter((word) => !prompt.includes(foldCase(word)));
  return hotwords.length === 0 ? {} : { hotwords };
}
