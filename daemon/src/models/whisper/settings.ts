/** What a transcription is to do: its options, checked against the model, with the defaults filled in. */
import { validateSpeechOptions, type SpeechOptions } from '#daemon/audio/vad/index.js';
import type { TranscribeOptions } from '#daemon/protocol/transcription.js';

import type { SearchOptions } from './decode/decode.js';
import { type FallbackThresholds, REFERENCE_THRESHOLDS } from './decode/quality.js';
import { canChangeLanguage } from './language/detect-language.js';
import type { Whisper } from './model.js';
import { checkedTask } from './task.js';
import type { Task, WhisperTokenizer } from './tokenizer.js';

export interface WhisperOptions extends TranscribeOptions {
  /** Seed of the draws at temperatures above 0. The same seed gives the same text. */
  seed?: number;
}

export interface Settings {
  readonly task: Task;
  /** Undefined where it is to be detected. */
  readonly language: string | undefined;
  /** Windows that the language is detected from. */
  readonly languageWindows: number;
  /** Whether the language may change on the way. */
  readonly multilingual: boolean;
  readonly timestamps: boolean | 'auto';
  /** When a sound counts as speech; undefined where nobody asks, and all is listened to. */
  readonly speech: SpeechOptions | undefined;
  readonly thresholds: FallbackThresholds;
  readonly search: SearchOptions;
  readonly seed: number;
  readonly maxTokens: number | undefined;
  readonly suppressTokens: readonly number[] | undefined;
  readonly initialPrompt: string | undefined;
  readonly carryInitialPrompt: boolean;
  /** Whether the text of a window leads the next one. */
  readonly conditioned: boolean;
  /** What the first window's text begins with. */
  readonly prefix: string | undefined;
  readonly hotwords: readonly string[];
  /** Windows decoded at once. */
  readonly batchSize: number;
  readonly wordTimestamps: boolean;
  readonly tokenLogprobs: boolean;
  /** Words between silences longer than this are looked at with suspicion; none where undefined. */
  readonly maxSilenceSeconds: number | undefined;
}

/** @throws SottoError INVALID_ARGUMENT for a language, a task or a change of languages that the model does not know, or speech options that cannot be */
export function settingsOf(
  options: WhisperOptions,
  { model, tokenizer }: { readonly model: Whisper; readonly tokenizer: WhisperTokenizer },
): Settings {
  const { vad = true, batchSize = 1, conditionOnPreviousText, hallucinationSilenceThreshold } = options;
  const multilingual = canChangeLanguage(options, model.config);
  // Windows decoded at once know neither each other's text nor where the language changes; who asks for one of these
  // gets them one after the other.
  // What is dropped as invented is heard again from there, which also takes one after the other.
  const needsReread = hallucinationSilenceThreshold !== undefined;
  const batched = batchSize > 1 && conditionOnPreviousText !== true && !multilingual && !needsReread;
  return {
    task: checkedTask(options.task ?? 'transcribe', model.config),
    language: options.language === undefined ? undefined : tokenizer.resolveLanguage(options.language),
    languageWindows: options.languageWindows ?? 1,
    multilingual,
    timestamps: options.timestamps ?? true,
    speech: vad === false ? undefined : validateSpeechOptions(vad === true ? {} : vad),
    thresholds: {
      temperatures: options.temperature ?? REFERENCE_THRESHOLDS.temperatures,
      compressionRatio: options.compressionRatioThreshold ?? REFERENCE_THRESHOLDS.compressionRatio,
      logprob: options.logprobThreshold ?? REFERENCE_THRESHOLDS.logprob,
      noSpeech: options.noSpeechThreshold ?? REFERENCE_THRESHOLDS.noSpeech,
    },
    search: {
      beamSize: options.beamSize,
      patience: options.patience,
      lengthPenalty: options.lengthPenalty,
      bestOf: options.bestOf,
      noRepeatNgram: options.noRepeatNgram,
    },
    seed: options.seed ?? 0,
    maxTokens: options.maxTokens,
    suppressTokens: options.suppressTokens,
    initialPrompt: options.initialPrompt,
    carryInitialPrompt: options.carryInitialPrompt ?? false,
    conditioned: !batched && conditionOnPreviousText !== false,
    prefix: options.prefix,
    hotwords: options.hotwords ?? [],
    batchSize: batched ? batchSize : 1,
    wordTimestamps: options.wordTimestamps === true || hallucinationSilenceThreshold !== undefined,
    tokenLogprobs: options.tokenLogprobs ?? false,
    maxSilenceSeconds: hallucinationSilenceThreshold,
  };
}
