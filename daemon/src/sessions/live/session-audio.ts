/**
 * The audio of one session: on disk, and in memory while the disk fails. Audio in the file survives any process,
 * and only that is acknowledged.
 */
import { SottoError } from '../../protocol/errors.js';
import { BYTES_PER_SAMPLE, SAMPLE_RATE } from '../../protocol/live.js';
import type { SpoolFile } from '../../store/spool/spool-file.js';
import { PcmQueue } from './pcm-queue.js';

/** Limit of audio in memory while the disk fails. */
const MAX_SAMPLES_IN_MEMORY = 3600 * SAMPLE_RATE;

export class SessionAudio {
  #spool: SpoolFile | undefined;
  readonly #openSpool: () => Promise<SpoolFile>;
  /** Audio that is not in the file yet. */
  readonly #inMemory = new PcmQueue();
  #samples: number;
  #tail: Promise<unknown> = Promise.resolve();

  /** @param openSpool called with the first audio, and again while it fails */
  constructor(openSpool: () => Promise<SpoolFile>, spool?: SpoolFile) {
    this.#openSpool = openSpool;
    this.#spool = spool;
    this.#samples = spool?.samples ?? 0;
  }

  /** Samples in the file or in memory. */
  get samples(): number {
    return this.#samples;
  }

  /** Samples in the file. */
  get durableSamples(): number {
    return this.#spool?.samples ?? 0;
  }

  /** Path of the file, if there is one. */
  get path(): string | undefined {
    return this.#spool?.path;
  }

  /**
   * Appends samples, s16le. If it throws, they are kept in memory up to the limit.
   * @throws SottoError SPOOL_FAILED
   */
  append(pcm: Uint8Array): Promise<void> {
    return this.#enqueue(async () => {
      this.#inMemory.push(pcm);
      this.#samples += pcm.byteLength / BYTES_PER_SAMPLE;
      await this.#flush();
    });
  }

  /**
   * The file has this many samples, because the client writes it.
   * @throws SottoError PROTOCOL if audio in memory is to follow what the file had
   */
  extendTo(samples: number): Promise<void> {
    return this.#enqueue(() => {
      if (this.#inMemory.samples > 0 || this.#spool === undefined)
        throw new SottoError('PROTOCOL', 'only a file that one process writes can be extended');
      this.#spool.extendTo(samples);
      this.#samples = Math.max(this.#samples, samples);
      return Promise.resolve();
    });
  }

  /** How many samples the file has by now; 0 if it is unknown, or if audio in memory is to follow. */
  samplesInFile(): Promise<number> {
    return this.#enqueue(async () =>
      this.#inMemory.samples > 0 ? 0 : ((await this.#spool?.samplesOnDisk().catch(() => 0)) ?? 0),
    );
  }

  /** Writes the audio in memory to the file again. @throws SottoError SPOOL_FAILED */
  flush(): Promise<void> {
    return this.#enqueue(() => this.#flush());
  }

  /** Resolves once all appended audio is in the file or in memory. */
  kept(): Promise<void> {
    return this.#enqueue(() => Promise.resolve());
  }

  /** Whether memory holds more than the limit. */
  get isFull(): boolean {
    return this.#inMemory.samples > MAX_SAMPLES_IN_MEMORY;
  }

  /** Samples from one number to another; fewer past the end. */
  read(from: number, to: number): Promise<Buffer> {
    return this.#enqueue(async () => {
      const safe = this.durableSamples;
      const onDisk = from < safe ? await this.#readFile(from, Math.min(to, safe)) : undefined;
      if (to <= safe || this.#inMemory.samples === 0) return onDisk ?? Buffer.alloc(0);
      const rest = this.#inMemory.read(Math.max(0, from - safe), to - safe);
      return onDisk === undefined ? rest : Buffer.concat([onDisk, rest]);
    });
  }

  /** Resolves once all calls so far are done and the file is closed. */
  close(): Promise<void> {
    return this.#enqueue(async () => {
      if (this.#inMemory.samples > 0) await this.#flush().catch(() => undefined);
      await this.#spool?.close();
    });
  }

  /** Reads twice before it fails: there is no second copy. */
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
  return new SottoError('SPOOL_FAILED', 'audio can’t be written to disk, and memory is full', {
    cause,
  });
}
