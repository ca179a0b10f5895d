/**
 * The audio of one session: on disk, and in memory as long as the disk does not take it. What is in the file survives any
 * process; only that is ever acknowledged.
 */
import { SottoError } from '../../protocol/errors.js';
import { BYTES_PER_SAMPLE, SAMPLE_RATE } from '../../protocol/live.js';
import type { SpoolFile } from '../../store/spool/spool-file.js';
import { PcmQueue } from './pcm-queue.js';

/** What memory may hold for a disk that does not work. */
const MAX_SAMPLES_IN_MEMORY = 3600 * SAMPLE_RATE;

export class SessionAudio {
  #spool: SpoolFile | undefined;
  readonly #openSpool: () => Promise<SpoolFile>;
  /** What is behind the file. */
  readonly #inMemory = new PcmQueue();
  #samples: number;
  #tail: Promise<unknown> = Promise.resolve();

  /** @param openSpool called with the first audio, and again as long as it fails */
  constructor(openSpool: () => Promise<SpoolFile>, spool?: SpoolFile) {
    this.#openSpool = openSpool;
    this.#spool = spool;
    this.#samples = spool?.samples ?? 0;
  }

  /** Samples that are kept, wherever. */
  get samples(): number {
    return this.#samples;
  }

  /** Samples that are in the file. */
  get durableSamples(): number {
    return this.#spool?.samples ?? 0;
  }

  /** Where the file is, if there is one. */
  get path(): string | undefined {
    return this.#spool?.path;
  }

  /**
   * Keeps samples, s16le, behind those that are there. Whatever it throws, they are kept in memory, unless there are too many.
   * @throws SottoError SPOOL_FAILED
   */
  append(pcm: Uint8Array): Promise<void> {
    return this.#enqueue(async () => {
      this.#inMemory.push(pcm);
      this.#samples += pcm.byteLength / BYTES_PER_SAMPLE;
      await this.#flush();
    });
  }

  /** Tries again to write what is in memory. @throws SottoError SPOOL_FAILED */
  flush(): Promise<void> {
    return this.#enqueue(() => this.#flush());
  }

  /** Resolves once all that was appended so far is kept, wherever. */
  kept(): Promise<void> {
    return this.#enqueue(() => Promise.resolve());
  }

  /** Whether there is more in memory than there may be. */
  get isFull(): boolean {
    return this.#inMemory.samples > MAX_SAMPLES_IN_MEMORY;
  }

  /** Samples from one number to another; fewer where there are no more. */
  read(from: number, to: number): Promise<Buffer> {
    return this.#enqueue(async () => {
      const safe = this.durableSamples;
      const onDisk = from < safe ? await this.#readFile(from, Math.min(to, safe)) : undefined;
      if (to <= safe || this.#inMemory.samples === 0) return onDisk ?? Buffer.alloc(0);
      const rest = this.#inMemory.read(Math.max(0, from - safe), to - safe);
      return onDisk === undefined ? rest : Buffer.concat([onDisk, rest]);
    });
  }

  /** Resolves once everything that was asked for is done; the file is then closed. */
  close(): Promise<void> {
    return this.#enqueue(async () => {
      if (this.#inMemory.samples > 0) await this.#flush().catch(() => undefined);
      await this.#spool?.close();
    });
  }

  /** What can't be read at once may be read again: there is no second copy. */
  async #readFile(from: number, to: number): Promise<Buffer | undefined> {
    return this.#spool?.read(from, to).catch(() => this.#spool?.read(from, to));
  }

  async #flush(): Promise<void> {
    this.#spool ??= await this.#openSpool();
    for (let piece = this.#inMemory.first; piece !== undefined; piece = this.#inMemory.first) {
      await this.#spool.append(piece);
      this.#inMemory.shift();
    }
  }

  #enqueue<T>(task: () => Promise<T>): Promise<T> {
    const turn = this.#tail.then(task);
    this.#tail = turn.catch(() => undefined);
    return turn;
  }
}

export function memoryFullError(cause: unknown): SottoError {
  return new SottoError('SPOOL_FAILED', 'the disk takes no audio, and memory is full of it', { cause });
}
