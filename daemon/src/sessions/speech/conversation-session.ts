/** A conversation with a model for one client: waits for its audio files, then for the answer. */
import type { Clock } from '../../clock.js';
import type { ConversationOptions, Turn } from '../../protocol/conversation.js';
import { SottoError } from '../../protocol/errors.js';
import type { SpeechSource } from '../../protocol/ipc.js';
import type { FileAccess } from '../../supervisor/file-access.js';
import type { AnswerNotice, SpeechSession } from './speech-session.js';
import { TurnFiles } from './turn-files.js';

export interface ConversationRequest {
  readonly turns: readonly Turn[];
  readonly options: ConversationOptions;
  /** Name or absolute folder; the chosen model if omitted. */
  readonly model?: string;
  /** The client can write copies of files that the daemon can't open; it is notified with `waiting` for `file`. */
  readonly supplies?: boolean;
}

export type ConversationNotice =
  | AnswerNotice
  | {
      readonly type: 'waiting';
      readonly for: 'file';
      readonly why: 'denied' | 'slow';
      readonly path: string;
    };

interface ConversationDeps {
  readonly request: ConversationRequest;
  readonly clock: Clock;
  /** If undefined, every file counts as readable. */
  readonly access: FileAccess | undefined;
  /** Begins the work of the engine. */
  readonly begin: (source: SpeechSource, notify: (notice: AnswerNotice) => void) => SpeechSession;
  /** Called only after the constructor has returned. */
  readonly notify: (notice: ConversationNotice) => void;
  /** Called once, after the last notice or a cancel. */
  readonly onOver: () => void;
}

export class ConversationSession {
  readonly #deps: ConversationDeps;
  readonly #files: TurnFiles;
  #session: SpeechSession | undefined;
  #isOver = false;

  constructor(deps: ConversationDeps) {
    this.#deps = deps;
    const { request, access, clock, notify } = deps;
    this.#files = new TurnFiles({
      ...{ turns: request.turns, supplies: request.supplies === true, access, clock },
      onWaiting: (path, why) => notify({ type: 'waiting', for: 'file', why, path }),
      onReady: (turns) => this.#begin(turns),
      onFailed: (error) => this.#fail(error),
    });
  }

  /** @param samples how many the client has, from the start of the answer */
  acknowledge(samples: number): void {
    this.#session?.acknowledge(samples);
  }

  /** Takes over the copy of a file that the client wrote. */
  supply(path: string, upload: string): void {
    if (this.#isOver) return;
    try {
      this.#files.supply(path, upload);
    } catch (error) {
      this.#fail(SottoError.from(error));
    }
  }

  /** No notice follows. */
  cancel(): void {
    if (this.#isOver) return;
    this.#session?.cancel();
    this.#end();
  }

  #begin(turns: Turn[]): void {
    const { begin, request } = this.#deps;
    try {
      this.#session = begin({ type: 'turns', turns, options: request.options }, (notice) =>
        this.#pass(notice),
      );
    } catch (error) {
      this.#fail(SottoError.from(error));
    }
  }

  #pass(notice: AnswerNotice): void {
    if (notice.type === 'failed') {
      this.#fail(this.#files.aboutFile(notice.error));
      return;
    }
    this.#deps.notify(notice);
    if (notice.type === 'answered') this.#end();
  }

  #fail(error: SottoError): void {
    this.#deps.notify({ type: 'failed', error });
    this.#end();
  }

  #end(): void {
    this.#isOver = true;
    this.#files.close();
    this.#deps.onOver();
  }
}
