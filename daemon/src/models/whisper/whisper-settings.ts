/** Resolves transcription options: validates them against the model and fills in defaults. */
import { speechOptionsOf, type SpeechOptions } from '#daemon/audio/vad/index.js';
import { commonOptionsSchema, type TranscribeOptions } from '#daemon/protocol/transcription.js';

import type { DecodeSearchOptions } from './decode/decode.js';
import { type FallbackThresholds, REFERENCE_THRESHOLDS } from './decode/quality.js';
import { secondBeamSizeFor } from './decode/second-decode.js';
import { canChangeLanguage } from './language/detect-language.js';
import type { Whisper } from './model.js';
import { checkedTask } from './task.js';
import { ownOptions } from '../own-options.js';
import { whisperOptionsSchema } from './whisper-options.js';
import type { Task, WhisperTokenizer } from './tokenizer.js';

export interface WhisperSettings {
  readonly task: Task;
  /** Undefined: detected. */
  readonly language: string | undefined;
  /** Maximum windows for language detection. */
  readonly languageWindows: number;
  /** Whether the language may change within the audio. */
  readonly multilingual: boolean;
  readonly timestamps: boolean | 'auto';
  /** VAD options; undefined without VAD. */
  readonly speech: SpeechOptions | undefined;
  readonly thresholds: FallbackThresholds;
  readonly search: DecodeSearchOptions;
  readonly seed: number;
  readonly maxTokens: number | undefined;
  readonly suppressTokens: readonly number[] | undefined;
  readonly initialPrompt: string | undefined;
  readonly carryInitialPrompt: boolean;
  /** Whether the text of a window is the prompt of the next one. */
  readonly isConditioned: boolean;
  /** Start of the first window's text. */
  readonly prefix: string | undefined;
  readonly hotwords: readonly string[];
  /** Windows per batch. */
  readonly batchSize: number;
  readonly wordTimestamps: boolean;
  readonly tokenLogprobs: boolean;
  /** Words between longer silences are checked for hallucinations; undefined turns the check off. */
  readonly maxSilenceSeconds: number | undefined;
}

/** @throws SottoError INVALID_ARGUMENT for a language, task or multilingual audio that the model does not support, or invalid VAD options */
export function resolveSettings(
  options: TranscribeOptions,
  { model, tokenizer }: { readonly model: Whisper; readonly tokenizer: WhisperTokenizer },
): WhisperSettings {
  const own = ownOptions(options, commonOptionsSchema, { name: 'whisper', schema: whisperOptionsSchema });
  const { batchSize = 1 } = options;
  const { conditionOnPreviousText, hallucinationSilenceThreshold } = own;
  const multilingual = canChangeLanguage(options, model.config);
  // Batched windows know neither each other's text nor changes of language, and dropped hallucinations restart a window, so
  // these options decode sequentially.
  const needsReread = hallucinationSilenceThreshold !== undefined;
  const batched = batchSize > 1 && conditionOnPreviousText !== true && !multilingual && !needsReread;
  const decodesTwice = options.beamSize === undefined && options.temperature === undefined;
  return {
    task: checkedTask(options.task ?? 'transcribe', model.config),
    language: options.language === undefined ? undefined : tokenizer.resolveLanguage(options.language),
    languageWindows: own.languageWindows ?? 1,
    multilingual,
    timestamps: options.timestamps ?? true,
    speech: speechOptionsOf(options.vad),
    thresholds: {
      temperatures: options.temperature ?? REFERENCE_THRESHOLDS.temperatures,
      compressionRatio: own.compressionRatioThreshold ?? REFERENCE_THRESHOLDS.compressionRatio,
      logprob: own.logprobThreshold ?? REFERENCE_THRESHOLDS.logprob,
      noSpeech: own.noSpeechThreshold ?? REFERENCE_THRESHOLDS.noSpeech,
    },
    search: {
      beamSize: options.beamSize,
      secondBeamSize: decodesTwice ? secondBeamSizeFor(model.config) : undefined,
      patience: own.patience,
      lengthPenalty: own.lengthPenalty,
      bestOf: own.bestOf,
      noRepeatNgram: own.noRepeatNgram,
    },
    seed: own.seed ?? 0,
    maxTokens: own.maxTokens,
    suppressTokens: own.suppressTokens,
    initialPrompt: options.initialPrompt,
    carryInitialPrompt: own.carryInitialPrompt ?? false,
    isConditioned: !batched && conditionOnPreviousText !== false,
    prefix: own.prefix,
    hotwords: options.hotwords ?? [],
    batchSize: batched ? batchSize : 1,
    wordTimestamps: options.wordTimestamps === true || hallucinationSilenceThreshold !== undefined,
    tokenLogprobs: options.tokenLogprobs ?? false,
    maxSilenceSeconds: hallucinationSilenceThreshold,
  };
}
