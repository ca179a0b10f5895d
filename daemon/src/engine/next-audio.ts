/**
 * The file that comes after the one in work: opened, and the first half minute of it decoded, while the model computes. So a
 * folder of short files does not have the model wait at each of them. One file is held; whoever asks for another one lets go
 * of it.
 */
import type { OpenAudio } from './host.js';
import { readAhead } from './read-ahead.js';

export interface AudioPrefetcherDeps {
  readonly open: (path: string) => Promise<OpenAudio>;
  /** Changes whenever a file does: what was decoded of the one before is not of this one. */
  readonly markOf: (path: string) => string | undefined;
}

interface Held {
  readonly path: string;
  readonly mark: string | undefined;
  readonly audio: Promise<OpenAudio>;
}

/** A job's right to a file. One of the two is called. */
export interface Claim {
  /** The sound, from what was held of it unless the file has changed since. @throws SottoError */
  open(): Promise<OpenAudio>;
  /** The job does not need it. */
  leave(): void;
}

/** Chunks of a second that a model takes at once: a window of Whisper's. */
const WINDOW_CHUNKS = 30;

export class NextAudio {
  readonly #deps: AudioPrefetcherDeps;
  #expected: string | undefined;
  #held: Held | undefined;
  /** Files whose first window the model has not got yet: it waits for that, so nothing else is decoded meanwhile. */
  #hungry = 0;

  constructor(deps: AudioPrefetcherDeps) {
    this.#deps = deps;
  }

  /** Nothing is held, where no path is given. Never throws: what is wrong with the file is told to who takes it. */
  prepare(path: string | undefined): void {
    this.#expected = path;
    if (path !== this.#held?.path) this.#drop();
    this.#open();
  }

  /** What is held of a file is for one job from now on, and the file that is told next is another one. */
  claim(path: string): Claim {
    const held = this.#held?.path === path ? this.#held : undefined;
    if (held !== undefined) this.#held = undefined;
    if (this.#expected === path) this.#expected = undefined;
    this.#hungry += 1;
    const fed = once(() => {
      this.#hungry -= 1;
      this.#open();
    });
    return {
      open: async () => {
        try {
          const ready = held === undefined ? undefined : await this.#stillTrue(held);
          return feeding(ready ?? readAhead(await this.#deps.open(path)), fed);
        } catch (error) {
          fed();
          throw error;
        }
      },
      leave: () => {
        if (held !== undefined) drop(held);
        fed();
      },
    };
  }

  close(): void {
    this.#expected = undefined;
    this.#drop();
  }

  #open(): void {
    const path = this.#expected;
    if (path === undefined || this.#held !== undefined || this.#hungry > 0) return;
    const mark = this.#deps.markOf(path);
    const audio = this.#deps.open(path).then(readAhead);
    audio.catch(() => undefined);
    this.#held = { path, mark, audio };
  }

  async #stillTrue(held: Held): Promise<OpenAudio | undefined> {
    if (held.mark !== undefined && held.mark === this.#deps.markOf(held.path))
      return held.audio.catch(() => undefined);
    drop(held);
    return undefined;
  }

  #drop(): void {
    if (this.#held !== undefined) drop(this.#held);
    this.#held = undefined;
  }
}

function drop({ audio }: Held): void {
  void audio.then((open) => open.close()).catch(() => undefined);
}

/** The same sound; `fed` is called when its reader has a window of it, or all, or leaves. */
function feeding(audio: OpenAudio, fed: () => void): OpenAudio {
  return {
    durationSeconds: audio.durationSeconds,
    samples: counted(audio.samples, fed),
    // Who has not begun to read does not end it either.
    close() {
      fed();
      return audio.close();
    },
  };
}

async function* counted(samples: AsyncIterable<Float32Array>, fed: () => void): AsyncGenerator<Float32Array> {
  let chunks = 0;
  try {
    for await (const chunk of samples) {
      chunks += 1;
      if (chunks >= WINDOW_CHUNKS) fed();
      yield chunk;
    }
  } finally {
    fed();
  }
}

function once(work: () => void): () => void {
  let called = false;
  return () => {
    if (!called) work();
    called = true;
  };
}
