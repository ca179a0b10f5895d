/** The user's vocabulary for sessions and jobs: read when one starts, and again when its text is written. */
import type { Logger } from '../../logger.js';
import { SottoError } from '../../protocol/errors.js';
import { EMPTY_VOCABULARY } from '../../store/vocabulary/vocabulary-changes.js';
import { foldCase } from '../../store/vocabulary/word-keys.js';
import type { StoredVocabulary } from '../../store/vocabulary/vocabulary-file.js';
import { Replacer } from './replacer.js';

interface VocabularySnapshot {
  readonly words: readonly string[];
  readonly replacer: Replacer;
  /** Why it differs from the user's file. */
  readonly problem?: SottoError;
}

/** The fields of a request that concern the vocabulary. */
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

  /** @param read may throw: then the last good vocabulary stays in use, with the problem */
  constructor(read: () => StoredVocabulary, log: Logger) {
    this.#read = read;
    this.#log = log;
  }

  current(): VocabularySnapshot {
    try {
      const { revision, vocabulary } = this.#read();
      this.#loggedProblem = undefined;
      if (revision === this.#revision) return this.#now;
      this.#now = { words: vocabulary.words, replacer: new Replacer(vocabulary.replacements) };
      this.#revision = revision;
      return this.#now;
    } catch (thrown) {
      const problem = SottoError.from(thrown);
      // The message may contain the user's words, so only its code is logged.
      if (this.#loggedProblem !== problem.message)
        this.#log.warn({ code: problem.code }, 'the vocabulary can’t be used');
      this.#loggedProblem = problem.message;
      return { ...this.#now, problem };
    }
  }
}

/** The vocabulary of a user who has none. */
export const NO_VOCABULARY: Pick<ActiveVocabulary, 'current'> = {
  current: () => ({ words: [], replacer: EMPTY_REPLACER }),
};

const EMPTY_REPLACER = new Replacer([]);

/**
 * The hotwords of a request: the vocabulary's words, unless the request brings its own. Words that its prompt
 * contains are left out: a model that sees a word in the prompt and gets a bonus for it says little else
 * (test/bench/baseline/hotwords.md). `vocabulary` tells the engine where they come from.
 */
export function hotwordsFor(
  { hotwords: own, initialPrompt = '', vocabulary = true }: VocabularyOptions,
  words: readonly string[],
): { hotwords?: string[]; vocabulary?: true } {
  if (!vocabulary || own !== undefined) return {};
  const prompt = foldCase(initialPrompt);
  const hotwords = words.filter((word) => !prompt.includes(foldCase(word)));
  return hotwords.length === 0 ? {} : { hotwords, vocabulary: true };
}
