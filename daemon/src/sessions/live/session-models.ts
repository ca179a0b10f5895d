/**
 * Which model transcribes a session: the requested one, the daemon's default, its model for English dictation, or the default
 * instead of a removed one.
 */
import { basename } from 'node:path';
import { defined } from '../../protocol/defined.js';
import { SottoError, type ErrorCode } from '../../protocol/errors.js';
import type { ModelRef } from '../../protocol/ipc.js';
import type { LiveOptions } from '../../protocol/live.js';
import { MODEL_ERROR_CODES } from '../../protocol/model-error-codes.js';
import type { ModelAccess } from '../../supervisor/model-access.js';

/** What transcribes a session. */
export interface SessionSettings {
  readonly model: ModelRef;
  /** As the client requested them. */
  readonly options: LiveOptions;
  /** Name of the requested model, if another one decodes. */
  readonly fallbackFor?: string;
  /** Transcribes instead of `model` if the speech is English; undefined once that is decided. */
  readonly english?: ModelRef;
  /** Transcribes if `model` can't be loaded together with it, or at all. */
  readonly substitute?: ModelRef;
}

/** What a client, or a session of another daemon, requests. */
export interface RequestedSettings {
  /** Name or folder; the default model if omitted. */
  readonly model?: string;
  readonly options?: LiveOptions;
  /** Folder of the model that transcribes English: of a session of another daemon that has not decided. */
  readonly english?: string;
}

export interface SessionModelsOptions {
  readonly resolveModel: (model: string | undefined) => ModelRef;
  /** Checks which model directories can be opened; if omitted, all count as readable. */
  readonly modelAccess?: ModelAccess;
  /** Name of the default model while a fallback serves. */
  readonly fallbackFor?: () => string | undefined;
  /** The model for English dictation if none is requested; undefined if the user has chosen a default model. */
  readonly english?: () => ModelRef | undefined;
}

const MODEL_ERRORS: ReadonlySet<ErrorCode> = new Set(MODEL_ERROR_CODES);

export class SessionModels {
  readonly #options: SessionModelsOptions;
  /** Whether the model for English could not be loaded; it is not tried again. */
  #isEnglishRefused = false;

  constructor(options: SessionModelsOptions) {
    this.#options = options;
  }

  /** The requested model or the default one, whatever the language. @throws what `resolveModel` throws */
  plain({ model, options = {} }: RequestedSettings): SessionSettings {
    return { model: this.#options.resolveModel(model), options };
  }

  /** @throws what `resolveModel` throws */
  resolve({ model, options = {} }: RequestedSettings): SessionSettings {
    const { fallbackFor, resolveModel } = this.#options;
    const ref = resolveModel(model);
    if (model !== undefined) return { model: ref, options };
    const english = this.#englishFor(options);
    if (english !== undefined && options.language !== undefined)
      return { model: english, options, substitute: ref };
    return { model: ref, options, ...defined({ fallbackFor: fallbackFor?.(), english }) };
  }

  /** What transcribes English speech with these options; undefined for `model`. */
  #englishFor({ language, initialPrompt = '' }: LiveOptions): ModelRef | undefined {
    const isPossible = language === undefined || /^\s*en(glish|[-_].*)?\s*$/i.test(language);
    // The model has no prompt.
    if (!isPossible || initialPrompt.trim() !== '' || this.#isEnglishRefused) return undefined;
    return this.#options.english?.();
  }

  /**
   * The settings after their model was refused; undefined if that is final. A model for English is not used again: it would be
   * refused again.
   */
  afterRefusal({ substitute, options }: SessionSettings, { code }: SottoError): SessionSettings | undefined {
    if (substitute === undefined || !MODEL_ERRORS.has(code)) return undefined;
    this.#isEnglishRefused = true;
    return { model: substitute, options };
  }

  /** @throws SottoError MODEL_UNREADABLE */
  async assertReadable({ dir }: ModelRef): Promise<void> {
    const problem = await this.#options.modelAccess?.check(dir);
    if (problem !== undefined) throw problem;
  }

  /**
   * The settings that a session had in another process; with the default model, and why, if its own was removed since.
   * @throws what `resolveModel` throws for the default model
   */
  async restore({
    model,
    options = {},
    english: englishDir,
  }: RequestedSettings): Promise<{ settings: SessionSettings; missing?: SottoError }> {
    const { resolveModel } = this.#options;
    try {
      const ref = resolveModel(model);
      await this.assertReadable(ref);
      if (englishDir !== undefined) return { settings: { model: ref, options, ...this.#found(englishDir) } };
      const isEnglish = this.#options.english?.()?.dir === ref.dir;
      return { settings: { model: ref, options, ...(isEnglish && { substitute: resolveModel(undefined) }) } };
    } catch (thrown) {
      if (model === undefined) throw thrown;
      const ref = resolveModel(undefined);
      const name = basename(model);
      const message = `the model ${name} was removed; ${ref.name} is used for this dictation`;
      return {
        settings: { model: ref, options, fallbackFor: name },
        missing: new SottoError('MODEL_NOT_FOUND', message, { cause: thrown }),
      };
    }
  }

  #found(english: string): Pick<SessionSettings, 'english'> {
    try {
      return { english: this.#options.resolveModel(english) };
    } catch {
      // Removed since: the other model transcribes English, too.
      return {};
    }
  }
}
