/**
 * Opens the next file and decodes its first half minute while the model computes, so that the model does not wait
 * at each of many short files. One file is prefetched at a time; a claim for another one drops it.
 */
import type { OpenedAudio } from './file-context.js';
import { readAhead } from './read-ahead.js';

interface AudioPrefetcherDeps {
  readonly open: (path: string) => Promise<OpenedAudio>;
  /** Changes whenever the file does, so that prefetched audio of an older version is not used. */
  readonly fingerprintOf: (path: string) => string | undefined;
}

interface PrefetchedFile {
  readonly path: string;
  readonly fingerprint: string | undefined;
  readonly audio: Promise<OpenedAudio>;
}

/** A job's right to a file. The job calls exactly one of the two. */
export interface AudioClaim {
  /** The audio, prefetched if the file has not changed since. @throws SottoError */
  open(): Promise<OpenedAudio>;
  /** The job does not need it. */
  release(): void;
}

/** Chunks of a second that the model reads at once: a Whisper window. */
const WINDOW_CHUNKS = 30;

export class AudioPrefetcher {
  readonly #deps: AudioPrefetcherDeps;
  #expected: string | undefined;
  #held: PrefetchedFile | undefined;
  /** Files whose first window the model does not have yet; nothing else is decoded while it waits for one. */
  #waitingForWindow = 0;

  constructor(deps: AudioPrefetcherDeps) {
    this.#deps = deps;
  }

  /** Drops the file without a path. Never throws: an error of the file is reported to its job. */
  prefetch(path: string | undefined): void {
    this.#expected = path;
    if (path !== this.#held?.path) this.#drop();
    this.#open();
  }

  /** Gives the prefetched file to one job; the next prefetch is for another file. */
  claim(path: string): AudioClaim {
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

  async #audioIfUnchanged(held: PrefetchedFile): Promise<OpenedAudio | undefined> {
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

/** The same audio; `onWindow` is called when its reader has a window, has everything, or stops. */
function withWindowCallback(audio: OpenedAudio, onWindow: () => void): OpenedAudio {
  return {
    durationSeconds: audio.durationSeconds,
    samples: counted(audio.samples, onWindow),
    // A reader that never started does not end the iteration.
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
