/** Opens speeches: finds their model, and counts them. */
import type { Logger } from '../../logger.js';
import type { SpeechSource, ModelRef } from '../../protocol/ipc.js';
import type { ModelTask } from '../../protocol/model-tasks.js';
import type { Engine } from '../../supervisor/engine.js';
import { SpeechSession, type SpeechNotice } from './speech-session.js';

interface SpeechServiceOptions {
  readonly engine: Engine;
  /** Finds a model by name or folder; the chosen one of the task without a name. @throws SottoError MODEL_NOT_FOUND */
  readonly resolveModel: (model: string | undefined, task: ModelTask) => ModelRef;
  readonly log: Logger;
  /** Called when the first speech opens, and when the last one is over. */
  readonly onIdleChange?: (idle: boolean) => void;
}

interface SpeechRequest {
  readonly source: SpeechSource;
  readonly model?: string;
}

export interface OpenedSpeech {
  readonly session: SpeechSession;
  /** Name of its model. */
  readonly model: string;
}

export class SpeechService {
  readonly #options: SpeechServiceOptions;
  readonly #open = new Set<SpeechSession>();

  constructor(options: SpeechServiceOptions) {
    this.#options = options;
  }

  get isIdle(): boolean {
    return this.#open.size === 0;
  }

  /**
   * @param notify called only after this has returned
   * @throws SottoError MODEL_NOT_FOUND, MODEL_UNSUPPORTED
   */
  open({ source, model: wanted }: SpeechRequest, notify: (notice: SpeechNotice) => void): OpenedSpeech {
    const { engine, resolveModel, log, onIdleChange } = this.#options;
    const model = resolveModel(wanted, source.type === 'text' ? 'speak' : 'codec');
    const session: SpeechSession = new SpeechSession({
      engine,
      request: { model, source },
      log,
      notify,
      onOver: () => {
        this.#open.delete(session);
        if (this.isIdle) onIdleChange?.(true);
      },
    });
    this.#open.add(session);
    if (this.#open.size === 1) onIdleChange?.(false);
    return { session, model: model.name };
  }
}
