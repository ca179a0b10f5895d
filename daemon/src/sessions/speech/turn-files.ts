/** The audio files of a conversation: it begins once each of them can be opened, or the client has sent a copy. */
import type { Clock } from '../../clock.js';
import { audioPaths, type Turn, type TurnContent } from '../../protocol/conversation.js';
import { SottoError } from '../../protocol/errors.js';
import type { FileAccess } from '../../supervisor/file-access.js';
import { JobFiles } from '../jobs/job-files.js';

interface TurnFilesOptions {
  readonly turns: readonly Turn[];
  /** Whether the client can copy files that the daemon can't open. */
  readonly supplies: boolean;
  /** If undefined, every file counts as readable. */
  readonly access: FileAccess | undefined;
  readonly clock: Clock;
  readonly onWaiting: (path: string, why: 'denied' | 'slow') => void;
  /** Called once, with the paths that the engine reads. */
  readonly onReady: (turns: Turn[]) => void;
  readonly onFailed: (error: SottoError) => void;
}

interface TurnFile {
  readonly request: { readonly path: string; readonly supplies: boolean };
  waitingForFile(why: 'denied' | 'slow'): void;
}

export class TurnFiles {
  readonly #options: TurnFilesOptions;
  readonly #files: JobFiles<TurnFile>;
  readonly #byPath: ReadonlyMap<string, TurnFile>;
  /** Whether the conversation has begun or is over. */
  #isSettled = false;

  /** Calls back only after this has returned. */
  constructor(options: TurnFilesOptions) {
    this.#options = options;
    const { turns, supplies, access, clock, onWaiting, onFailed } = options;
    this.#files = new JobFiles({
      ...{ access, clock },
      onChange: () => this.#check(),
      onFailed: (_, error) => onFailed(error),
    });
    this.#byPath = new Map(
      audioPaths(turns).map((path) => [
        path,
        { request: { path, supplies }, waitingForFile: (why) => onWaiting(path, why) },
      ]),
    );
    for (const file of this.#byPath.values()) this.#files.add(file);
    queueMicrotask(() => this.#check());
  }

  /**
   * Takes over the copy that the client wrote; one that is not needed is removed.
   * @throws SottoError INVALID_ARGUMENT: there is no such copy, or no such file in the conversation
   */
  supply(path: string, upload: string): void {
    const file = this.#byPath.get(path);
    if (file === undefined) throw new SottoError('INVALID_ARGUMENT', 'the conversation has no such file');
    this.#files.supply(file, upload);
  }

  /** Names the user's file in an error about its copy. */
  aboutFile(error: SottoError): SottoError {
    return [...this.#byPath.values()].reduce((about, file) => this.#files.aboutFile(file, about), error);
  }

  /** Removes the copies. */
  close(): void {
    this.#isSettled = true;
    for (const file of this.#byPath.values()) this.#files.remove(file);
  }

  #check(): void {
    const files = [...this.#byPath.values()];
    if (this.#isSettled || files.some((file) => this.#files.readiness(file) !== 'ready')) return;
    this.#isSettled = true;
    const { turns, onReady } = this.#options;
    onReady(
      turns.map(({ role, content }) => ({ role, content: content.map((part) => this.#readable(part)) })),
    );
  }

  #readable(part: TurnContent): TurnContent {
    const file = part.type === 'audio' ? this.#byPath.get(part.path) : undefined;
    return file === undefined ? part : { type: 'audio', path: this.#files.pathOf(file) };
  }
}
