/** Decodes a file's audio before it is requested. */
import type { OpenedAudio } from './file-context.js';

/** Chunks of a second: a Whisper window and a bit. Two megabytes. */
const CHUNKS_AHEAD = 32;

/**
 * The same audio, decoded up to half a minute ahead of its reader: this thread is idle while the model loads, and
 * then while it computes. Decoding pauses while the buffer is full, and stops at the end, when the reader stops,
 * or at an error, which the reader receives at its place.
 */
export function readAhead(audio: OpenedAudio): OpenedAudio {
  const source = audio.samples[Symbol.asyncIterator]();
  const held: Promise<IteratorResult<Float32Array>>[] = [];
  let over = false;
  let busy = false;

  const fill = (): void => {
    if (busy || over || held.length >= CHUNKS_AHEAD) return;
    busy = true;
    const next = source.next();
    held.push(next);
    next.then(
      ({ done }) => {
        busy = false;
        if (done === true) over = true;
        fill();
      },
      () => {
        over = true;
      },
    );
  };
  fill();

  const samples: AsyncIterableIterator<Float32Array> = {
    next() {
      const next = held.shift() ?? source.next();
      fill();
      return next;
    },
    async return() {
      over = true;
      await source.return?.();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]: () => samples,
  };
  return {
    durationSeconds: audio.durationSeconds,
    samples,
    close() {
      over = true;
      return audio.close();
    },
  };
}
