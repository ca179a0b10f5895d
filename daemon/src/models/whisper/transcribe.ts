/**
 * Long-form transcription: 30 s windows, each beginning where the last timestamp of the one before it says that the
 * speech was cut, each given the text before it as its prompt.
 */
import type {
  Segment,
  Timings,
  TranscribeEvent,
  TranscribeOptions,
  TranscribeResult,
} from '#daemon/protocol/transcription.js';
import { FRAMES_PER_SECOND, type MelTransform } from '#daemon/audio/mel.js';
import { SpeechTrack, type VoiceActivity } from '#daemon/audio/vad/index.js';

import type { AudioStream } from '../speech-model.js';
import { AudioWindows, type Padding, WINDOW_FRAMES } from './audio.js';
import { throwIfCancelled } from './cancel.js';
import { type DecodeContext, type DecodeResult, makeCaches } from './decode.js';
import { disposeWindow, encode, type EncodedWindow } from './encode.js';
import {
  decodeOnce,
  decodeWithFallback,
  type FallbackThresholds,
  isSilence,
  REFERENCE_THRESHOLDS,
} from './fallback.js';
import { detectLanguage } from './language.js';
import { LogitFilters } from './logit-filters.js';
import type { Whisper } from './model.js';
import { type Cut, cutSegments } from './segments.js';
import { isPlausible, shortWindowFrames } from './short-window.js';
import { checkedTask } from './task.js';
import { type HeardContext, timeCut } from './timed-cut.js';
import type { WhisperTokenizer } from './tokenizer.js';

/** Above this temperature a text is too loose to lead the next window. */
const PROMPT_RESET_TEMPERATURE = 0.5;

export interface WhisperParts {
  readonly model: Whisper;
  readonly tokenizer: WhisperTokenizer;
  readonly mel: MelTransform;
  readonly voice: VoiceActivity;
}

export interface WhisperOptions extends TranscribeOptions {
  /** Seed of the draws at temperatures above 0. The same seed gives the same text. */
  seed?: number;
}

/**
 * Yields the language, then for each window its text as it is decoded, its segments and the progress.
 *
 * @throws SottoError CANCELLED within one decoding step of `signal`; INVALID_ARGUMENT for an unknown language;
 *   ENGINE_CRASHED if the encoder gives nothing but zeros or NaN, which is how an exhausted GPU shows.
 */
export async function* transcribe(
  parts: WhisperParts,
  audio: AudioStream,
  options: WhisperOptions,
  signal: AbortSignal,
): AsyncGenerator<TranscribeEvent, TranscribeResult> {
  const { model, tokenizer } = parts;
  const clock = new Clock();
  const thresholds = thresholdsOf(options);
  const task = checkedTask(options.task ?? 'transcribe', model.config);
  let language = options.language === undefined ? undefined : tokenizer.resolveLanguage(options.language);
  const caches = makeCaches(model);
  const speech = options.vad === false ? undefined : new SpeechTrack(parts.voice.stream());
  const windows = new AudioWindows(audio.samples, parts.mel, speech);
  let context: Omit<DecodeContext, 'seed'> | undefined;
  let encoded: EncodedWindow | undefined;
  let textAlone: boolean | undefined;

  const history =
    options.initialPrompt === undefined ? [] : tokenizer.encode(` ${options.initialPrompt.trim()}`);
  const initialPromptLength = history.length;
  let promptStart = 0; // tokens of `history` before this are not given to the model any more
  const segments: Segment[] = [];
  let seek = 0; // in frames
  let lastSpeechSeconds = 0; // when the last word before the window ended
  try {
    for (;;) {
      throwIfCancelled(signal);
      const window = await clock.time('mel', () => windows.next(seek, signal));
      if (window === undefined) break;
      const { frames } = window;
      seek = window.start;
      textAlone ??= options.timestamps === 'auto' && windows.fitInOne;
      const encodeAs = async (length: number, padding: Padding): Promise<EncodedWindow> => {
        const mel = await clock.time('mel', () => windows.mel(window, length, padding, model.dtype));
        return clock.time('encode', () => encode(model, mel, signal));
      };
      const length = textAlone ? shortWindowFrames(frames) : WINDOW_FRAMES;
      const short = length < WINDOW_FRAMES;
      const encoding = encodeAs(length, short ? 'silence' : 'zero');
      windows.readAhead(seek + 2 * WINDOW_FRAMES, signal); // while the encoder works
      encoded = await encoding;
      throwIfCancelled(signal);
      if (context === undefined) {
        const first = encoded;
        const found =
          language === undefined
            ? await clock.time('decode', () => detectLanguage(model, tokenizer, first, caches))
            : { language, probability: 1 };
        language = found.language;
        yield { type: 'language', language, probability: found.probability };
        const timestamps = options.timestamps === 'auto' ? !textAlone : (options.timestamps ?? true);
        context = {
          model,
          tokenizer,
          caches,
          filters: new LogitFilters(tokenizer, model.config, {
            timestamps,
            suppress: options.suppressTokens,
          }),
          startSequence: tokenizer.startSequence(language, task, timestamps),
          maxTokens: options.maxTokens,
          search: {
            beamSize: options.beamSize,
            patience: options.patience,
            lengthPenalty: options.lengthPenalty,
            bestOf: options.bestOf,
          },
        };
      }

      const prompt = history.slice(promptStart);
      const seeded = { ...context, seed: (options.seed ?? 0) + seek };
      let result: DecodeResult | undefined;
      if (short) {
        result = yield* decodeOnce(seeded, encoded, prompt, thresholds.temperatures[0] ?? 0, signal);
        clock.add('decode', result.seconds);
        if (!isPlausible(result, frames, language ?? 'en')) {
          disposeWindow(encoded);
          encoded = undefined; // or a failure of what follows would free it again
          encoded = await encodeAs(WINDOW_FRAMES, 'zero');
          result = undefined;
        }
      }
      if (result === undefined) {
        result = yield* decodeWithFallback(seeded, encoded, prompt, thresholds, signal);
        clock.add('decode', result.seconds);
      }

      const silent = isSilence(result, thresholds);
      let cut: Cut = silent
        ? { segments: [], frames }
        : cutSegments(result, tokenizer, seek / FRAMES_PER_SECOND, frames);
      if (options.wordTimestamps === true || options.hallucinationSilenceThreshold !== undefined) {
        const [plain, features] = [cut, encoded];
        const heard: HeardContext = {
          window,
          startSequence: context.startSequence,
          language: language ?? 'en',
          lastSpeechSeconds,
          speech: windows.spokenSeconds(window),
          fileEnd: windows.ended ? windows.secondsRead : undefined,
          longestSilenceSeconds: options.hallucinationSilenceThreshold,
        };
        const timed = await clock.time('decode', () => timeCut(plain, parts, features, heard, signal));
        cut = timed;
        lastSpeechSeconds = timed.lastSpeechSeconds;
      }
      disposeWindow(encoded);
      encoded = undefined;
      for (const segment of cut.segments) {
        segments.push(segment);
        history.push(...segment.tokens);
        yield { type: 'segment', segment };
      }
      if (
        !silent &&
        (options.conditionOnPreviousText === false || result.temperature > PROMPT_RESET_TEMPERATURE)
      ) {
        promptStart = history.length;
      }
      seek += cut.frames;
      windows.advance(seek);
      yield { type: 'progress', seconds: Math.min(seek / FRAMES_PER_SECOND, windows.secondsRead) };
    }
    // Nobody speaks in what is left.
    if (seek / FRAMES_PER_SECOND < windows.secondsRead)
      yield { type: 'progress', seconds: windows.secondsRead };
    return {
      text: tokenizer.decode(history.slice(initialPromptLength)),
      language: language ?? 'en',
      durationSeconds: windows.secondsRead,
      segments,
      timings: clock.timings(),
    };
  } finally {
    await windows.dispose();
    if (encoded !== undefined) disposeWindow(encoded);
    context?.filters.dispose();
    for (const cache of caches) cache.dispose();
  }
}

function thresholdsOf(options: WhisperOptions): FallbackThresholds {
  return {
    temperatures: options.temperature ?? REFERENCE_THRESHOLDS.temperatures,
    compressionRatio: options.compressionRatioThreshold ?? REFERENCE_THRESHOLDS.compressionRatio,
    logprob: options.logprobThreshold ?? REFERENCE_THRESHOLDS.logprob,
    noSpeech: options.noSpeechThreshold ?? REFERENCE_THRESHOLDS.noSpeech,
  };
}

type Part = Exclude<keyof Timings, 'total'>;

/** Wall time by part of the work. Time that the reader of the events takes is in the total only. */
class Clock {
  readonly #begin = performance.now();
  readonly #seconds: Record<Part, number> = { mel: 0, encode: 0, decode: 0 };

  async time<T>(part: Part, work: () => Promise<T>): Promise<T> {
    const begin = performance.now();
    const result = await work();
    this.add(part, (performance.now() - begin) / 1000);
    return result;
  }

  add(part: Part, seconds: number): void {
    this.#seconds[part] += seconds;
  }

  timings(): Timings {
    return { ...this.#seconds, total: (performance.now() - this.#begin) / 1000 };
  }
}
