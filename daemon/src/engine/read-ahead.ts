/** A file's sound taken from its decoder before it is asked for. */
import type { OpenAudio } from './host.js';

/** Chunks, which are a second each: a window of Whisper's and a bit. Two megabytes. */
const CHUNKS_AHEAD = 32;

/**
 * The same audio, decoded up to half a minute ahead of its reader: while the model loads, and then while it computes,
 * this thread has nothing else to do. It stops for as long as the reader is that far behind, and for good at the end,
 * at an error, which the reader meets where it would have, and when the reader leaves.
 */
export function readAhead(audio: OpenAudio): OpenAudio {
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
