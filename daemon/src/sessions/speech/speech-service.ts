/** Opens speeches: finds their model. */
import type { Logger } from '../../logger.js';
import type { ModelRef } from '../../protocol/ipc.js';
import type { SynthesisOptions } from '../../protocol/synthesis.js';
import type { Engine } from '../../supervisor/engine.js';
import { SpeechSession, type SpeechNotice } from './speech-session.js';

interface SpeechServiceOptions {
  readonly engine: Engine;
  /** Finds a model by name or folder; the default model without an argument. @throws SottoError MODEL_NOT_FOUND */
  readonly resolveModel: (model: string | undefined) => ModelRef;
  readonly log: Logger;
}

interface SpeechRequest {
  readonly text: string;
  readonly model?: string;
  readonly options?: SynthesisOptions;
}

export class SpeechService {
  readonly #options: SpeechServiceOptions;

  constructor(options: SpeechServiceOptions) {
    this.#options = options;
  }

  /**
   * @param notify called only after this has returned
   * @returns the speech and the name of its model
   * @throws SottoError MODEL_NOT_FOUND, MODEL_UNSUPPORTED
   */
  open(
    { text, model: wanted, options = {} }: SpeechRequest,
    notify: (notice: SpeechNotice) => void,
  ): { readonly session: SpeechSession; readonly model: string } {
    const { engine, resolveModel, log } = this.#options;
    const model = resolveModel(wanted);
    const session = new SpeechSession({ engine, request: { model, text, options }, log, notify });
    return { session, model: model.name };
  }
}
