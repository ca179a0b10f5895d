/**
 * The file that comes after the one in work: opened, and the first half minute of it decoded, while the model computes. So a
 * folder of short files does not have the model wait at each of them. One file is held; whoever asks for another one lets go
 * of it.
 */
import type { OpenAudio } from './host.js';
import { readAhead } from './read-ahead.js';

interface AudioPrefetcherDeps {
  readonly open: (path: string) => Promise<OpenAudio>;
  /** Changes whenever a file does: what was decoded of the one before is not of this one. */
  readonly fingerprintOf: (path: string) => string | undefined;
}

interface PrefetchedFile {
  readonly path: string;
  readonly fingerprint: string | undefined;
  readonly audio: Promise<OpenAudio>;
}

/** A job's right to a file. One of the two is called. */
export interface Claim {
  /** The sound, from what was held of it unless the file has changed since. @throws SottoError */
  open(): Promise<OpenAudio>;
  /** The job does not need it. */
  release(): void;
}

/** Chunks of a second that a model takes at once: a window of Whisper's. */
const WINDOW_CHUNKS = 30;

export class AudioPrefetcher {
  readonly #deps: AudioPrefetcherDeps;
  #expected: string | undefined;
  #held: PrefetchedFile | undefined;
  /** Files whose first window the model has not got yet: it waits for that, so nothing else is decoded meanwhile. */
  #waitingForWindow = 0;

  constructor(deps: AudioPrefetcherDeps) {
    this.#deps = deps;
  }

  /** Nothing is held, where no path is given. Never throws: what is wrong with the file is told to who takes it. */
  prefetch(path: string | undefined): void {
    this.#expected = path;
    if (path !== this.#held?.path) this.#drop();
    this.#open();
  }

  /** What is held of a file is for one job from now on, and the file that is told next is another one. */
  claim(path: string): Claim {
    const held = this.#held?.path === path ? this.#held : undefined;
    if (held !== undefined) this.#held = undefined;
    if (this.#expected === path) this.#expected = undefined;
    this.#waitingForWindow += 1;
    const onWindow = once(() => {
      this.#waitingForWindow -= 1;
      this.#open();
    });
    return {
      open: async () => {
        try {
          const ready = held === undefined ? undefined : await this.#audioIfUnchanged(held);
          return withWindowCallback(ready ?? readAhead(await this.#deps.open(path)), onWindow);
        } catch (error) {
          onWindow();
          throw error;
        }
      },
      release: () => {
        if (held !== undefined) drop(held);
        onWindow();
      },
    };
  }

  close(): void {
    this.#expected = undefined;
    this.#drop();
  }

  #open(): void {
    const path = this.#expected;
    if (path === undefined || this.#held !== undefined || this.#waitingForWindow > 0) return;
    const fingerprint = this.#deps.fingerprintOf(path);
    const audio = this.#deps.open(path).then(readAhead);
    audio.catch(() => undefined);
    this.#held = { path, fingerprint, audio };
  }

  async #audioIfUnchanged(held: PrefetchedFile): Promise<OpenAudio | undefined> {
    if (held.fingerprint !== undefined && held.fingerprint === this.#deps.fingerprintOf(held.path))
      return held.audio.catch(() => undefined);
    drop(held);
    return undefined;
  }

  #drop(): void {
    if (this.#held !== undefined) drop(this.#held);
    this.#held = undefined;
  }
}

function drop({ audio }: PrefetchedFile): void {
  void audio.then((open) => open.close()).catch(() => undefined);
}

/** The same sound; `fed` is called when its reader has a window of it, or all, or leaves. */
function withWindowCallback(audio: OpenAudio, onWindow: () => void): OpenAudio {
  return {
    durationSeconds: audio.durationSeconds,
    samples: counted(audio.samples, onWindow),
    // Who has not begun to read does not end it either.
    close() {
      onWindow();
      return audio.close();
    },
  };
}

async function* counted(
  samples: AsyncIterable<Float32Array>,
  onWindow: () => void,
): AsyncGenerator<Float32Array> {
  let chunks = 0;
  try {
    for await (const chunk of samples) {
      chunks += 1;
      if (chunks >= WINDOW_CHUNKS) onWindow();
      yield chunk;
    }
  } finally {
    onWindow();
  }
}

function once(work: () => void): () => void {
  let called = false;
  return () => {
    if (!called) work();
    called = true;
  };
}
