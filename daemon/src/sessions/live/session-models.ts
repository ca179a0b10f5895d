/** Which model transcribes a session: the requested one, the daemon's default, or the default instead of a removed one. */
import { basename } from 'node:path';
import { defined } from '../../protocol/defined.js';
import { SottoError } from '../../protocol/errors.js';
import type { ModelRef } from '../../protocol/ipc.js';
import type { LiveOptions } from '../../protocol/live.js';
import type { ModelAccess } from '../../supervisor/model-access.js';

/** What transcribes a session. */
export interface SessionSettings {
  readonly model: ModelRef;
  /** As the client requested them. */
  readonly options: LiveOptions;
  /** Name of the requested model, if another one decodes. */
  readonly fallbackFor?: string;
}

/** What a client, or a session of another daemon, requests. */
export interface RequestedSettings {
  /** Name or folder; the default model if omitted. */
  readonly model?: string;
  readonly options?: LiveOptions;
}

export interface SessionModelsOptions {
  readonly resolveModel: (model: string | undefined) => ModelRef;
  /** Checks which model directories can be opened; if omitted, all count as readable. */
  readonly modelAccess?: ModelAccess;
  /** Name of the default model while a fallback serves. */
  readonly fallbackFor?: () => string | undefined;
}

export class SessionModels {
  readonly #options: SessionModelsOptions;

  constructor(options: SessionModelsOptions) {
    this.#options = options;
  }

  /** @throws what `resolveModel` throws */
  resolve({ model, options = {} }: RequestedSettings): SessionSettings {
    const { fallbackFor, resolveModel } = this.#options;
    const ref = resolveModel(model);
    return { model: ref, options, ...(model === undefined && defined({ fallbackFor: fallbackFor?.() })) };
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
  }: RequestedSettings): Promise<{ settings: SessionSettings; missing?: SottoError }> {
    const { resolveModel } = this.#options;
    try {
      const ref = resolveModel(model);
      await this.assertReadable(ref);
      return { settings: { model: ref, options } };
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
}
