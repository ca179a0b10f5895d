/** Opens speeches and conversations: finds their model, and counts them. */
import type { Clock } from '../../clock.js';
import type { Logger } from '../../logger.js';
import { defined } from '../../protocol/defined.js';
import type { AudioOnlySource, ModelRef, SpeechSource } from '../../protocol/ipc.js';
import type { ModelTask } from '../../protocol/model-tasks.js';
import type { Engine, EngineSpeechRequest } from '../../supervisor/engine.js';
import type { FileAccess } from '../../supervisor/file-access.js';
import {
  ConversationSession,
  type ConversationNotice,
  type ConversationRequest,
} from './conversation-session.js';
import { SpeechSession, type AnswerNotice, type SpeechNotice } from './speech-session.js';

interface SpeechServiceOptions {
  readonly engine: Engine;
  /** Finds a model by name or folder; the chosen one of the task without a name. @throws SottoError MODEL_NOT_FOUND */
  readonly resolveModel: (model: string | undefined, task: ModelTask) => ModelRef;
  readonly log: Logger;
  readonly clock: Clock;
  /** Checks which files can be opened; if omitted, all count as readable. */
  readonly access?: FileAccess;
  /** Called when the first speech opens, and when the last one is over. */
  readonly onIdleChange?: (idle: boolean) => void;
}

interface SpeechRequest {
  readonly source: AudioOnlySource;
  readonly model?: string;
}

/** What a model must be able to do for each source. */
const TASKS: Readonly<Record<SpeechSource['type'], ModelTask>> = {
  text: 'speak',
  codes: 'codec',
  turns: 'converse',
};

export interface OpenedSpeech {
  readonly session: SpeechSession | ConversationSession;
  /** Name of its model. */
  readonly model: string;
}

export class SpeechService {
  readonly #options: SpeechServiceOptions;
  readonly #open = new Set<SpeechSession | ConversationSession>();

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
    const model = this.#options.resolveModel(wanted, TASKS[source.type]);
    const session: SpeechSession = this.#begin(
      { model, source },
      (notice) => {
        if (notice.type !== 'answer' && notice.type !== 'answered') notify(notice);
      },
      () => this.#close(session),
    );
    this.#add(session);
    return { session, model: model.name };
  }

  /**
   * @param notify called only after this has returned
   * @throws SottoError MODEL_NOT_FOUND, MODEL_UNSUPPORTED
   */
  converse(request: ConversationRequest, notify: (notice: ConversationNotice) => void): OpenedSpeech {
    const { resolveModel, clock, access } = this.#options;
    const model = resolveModel(request.model, TASKS.turns);
    const session: ConversationSession = new ConversationSession({
      ...{ request, clock, access, notify },
      begin: (source, onNotice) =>
        this.#begin({ model, source }, (notice) => {
          if (notice.type !== 'final') onNotice(notice);
        }),
      onOver: () => this.#close(session),
    });
    this.#add(session);
    return { session, model: model.name };
  }

  #begin(
    request: EngineSpeechRequest,
    notify: (notice: SpeechNotice | AnswerNotice) => void,
    onOver?: () => void,
  ): SpeechSession {
    const { engine, log } = this.#options;
    return new SpeechSession({ ...{ engine, request, log, notify }, ...defined({ onOver }) });
  }

  #add(session: SpeechSession | ConversationSession): void {
    this.#open.add(session);
    if (this.#open.size === 1) this.#options.onIdleChange?.(false);
  }

  #close(session: SpeechSession | ConversationSession): void {
    this.#open.delete(session);
    if (this.isIdle) this.#options.onIdleChange?.(true);
  }
}
