/** Audio whose samples say which letter is spoken, and a model that aligns it: the times of every word are known. */
import type { AudioStream, Recognizer, TranscribeEvent } from '#daemon/models/speech-model.js';
import { alignWords, type WordEncoder } from '#daemon/models/ctc/align-text.js';
import type { Emissions } from '#daemon/models/ctc/emissions.js';
import type { Capabilities } from '#daemon/protocol/capabilities.js';
import type { Segment, TranscribeResult, Word } from '#daemon/protocol/transcription.js';
import { RECOGNIZES } from '#test/harness/recognizer-capabilities.js';

const RATE = 16_000;
const FRAME = 320;
const FRAMES_PER_SECOND = RATE / FRAME;
const FRAME_SECONDS = 1 / FRAMES_PER_SECOND;
const [BLANK, DELIMITER, FIRST_LETTER] = [0, 1, 2];
const OTHER_SOUND = 28;
const CLASSES = 29;
const LETTERS = 'abcdefghijklmnopqrstuvwxyz';

const idOf = (letter: string): number | undefined =>
  LETTERS.includes(letter) ? FIRST_LETTER + LETTERS.indexOf(letter) : undefined;

const encoder: WordEncoder = {
  blank: BLANK,
  delimiter: DELIMITER,
  encodeWord: (word) => {
    const characters = [...word.toLowerCase()].filter((character) => /[\p{L}\p{N}]/u.test(character));
    const unknown = characters.filter((character) => idOf(character) === undefined);
    return { tokens: characters.map(idOf), unknown };
  },
};

/** A word, when it is spoken: a letter every 60 ms. */
export interface SpokenWord {
  readonly word: string;
  readonly start: number;
}

const lettersOf = (word: string): string => word.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');

export const endOf = ({ word, start }: SpokenWord): number => start + 0.06 * lettersOf(word).length - 0.02;

/** Mono 16 kHz, in chunks of a second. */
export function spokenAudio(words: readonly SpokenWord[], seconds: number): AudioStream {
  const at = (frame: number): number => {
    const found = words.find(({ word, start }) => {
      const first = Math.round(start / FRAME_SECONDS);
      return frame >= first && frame < first + 3 * lettersOf(word).length;
    });
    if (found === undefined) return BLANK;
    const position = frame - Math.round(found.start / FRAME_SECONDS);
    // Two frames of a letter, one of blank.
    if (position % 3 === 2) return BLANK;
    return idOf(lettersOf(found.word)[Math.floor(position / 3)] ?? '') ?? OTHER_SOUND;
  };
  const samples = (async function* () {
    for (let second = 0; second < seconds; second++) {
      const chunk = new Float32Array(RATE);
      for (let f = 0; f < FRAMES_PER_SECOND; f++) {
        chunk.fill(at(second * FRAMES_PER_SECOND + f) / 100, f * FRAME, (f + 1) * FRAME);
      }
      yield await Promise.resolve(chunk);
    }
  })();
  return { durationSeconds: seconds, samples };
}

function emissionsOf(samples: Float32Array): Emissions {
  const frames = Math.floor(samples.length / FRAME);
  const logprobs = new Float32Array(frames * CLASSES).fill(-8);
  for (let t = 0; t < frames; t++) {
    logprobs[t * CLASSES + Math.round((samples[t * FRAME + FRAME / 2] ?? 0) * 100)] = -0.01;
  }
  return { frames, classes: CLASSES, logprobs };
}

export class LetterAligner implements Recognizer {
  readonly name = 'letters';
  readonly family = 'letters';
  readonly weightBytes = 1;
  readonly capabilities: Capabilities;
  /** Of each call: seconds of audio, words, language. */
  readonly calls: { seconds: number; words: number; language: string | undefined }[] = [];

  constructor(languages: readonly string[] = ['en']) {
    this.capabilities = { transcribe: { ...RECOGNIZES.transcribe, languages: [...languages], aligns: true } };
  }

  transcribe(): never {
    throw new Error('it only aligns');
  }

  async align(
    { samples }: AudioStream,
    words: readonly string[],
    { language }: { readonly language?: string },
    signal: AbortSignal,
  ) {
    const chunks: Float32Array[] = [];
    for await (const chunk of samples) chunks.push(chunk);
    const all = new Float32Array(chunks.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const chunk of chunks) {
      all.set(chunk, at);
      at += chunk.length;
    }
    this.calls.push({ seconds: all.length / RATE, words: words.length, language });
    const aligned = await alignWords(emissionsOf(all), words, encoder, (frame) => frame * 0.02, { signal });
    return { durationSeconds: all.length / RATE, ...aligned };
  }

  dispose(): void {
    // Nothing to free.
  }
}

/** A segment whose word times are off by `error` seconds. */
export function roughSegment(words: readonly SpokenWord[], error: number, language?: string): Segment {
  const rough = words.map(({ word, start }): Word => {
    return { word, start: start + error, end: endOf({ word, start }) + error, probability: 0.5 };
  });
  return {
    start: rough[0]?.start ?? 0,
    end: rough.at(-1)?.end ?? 0,
    text: words.map(({ word }) => word).join(''),
    words: rough,
    ...(language !== undefined && { language }),
  };
}

/** A recognizer that reads a window of `windowSeconds`, then gives its segments, and so on. */
export async function* recognized(
  { samples }: AudioStream,
  segments: readonly Segment[],
  { language = 'en', windowSeconds = 30 } = {},
): AsyncGenerator<TranscribeEvent, TranscribeResult> {
  yield { type: 'language', language, probability: 1 };
  let seconds = 0;
  let given = 0;
  const give = function* (): Generator<TranscribeEvent> {
    for (; (segments[given]?.end ?? Infinity) <= seconds; given++) {
      const segment = segments[given];
      if (segment !== undefined) yield { type: 'segment', segment };
    }
    yield { type: 'progress', seconds };
  };
  for await (const chunk of samples) {
    seconds += chunk.length / RATE;
    if (seconds % windowSeconds === 0) yield* give();
  }
  yield* give();
  const timings = { mel: 0, encode: 0, decode: 0, total: 0 };
  return { text: '', language, durationSeconds: seconds, segments: [], timings };
}
