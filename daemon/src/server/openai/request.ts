/** Converts the fields of OpenAI's API to Sotto's options. */
import { SottoError } from '../../protocol/errors.js';
import { isModelId, isOpenaiName, type TranscriptionFields } from '../../protocol/openai.js';
import type { TranscribeOptions } from '../../protocol/transcription.js';
import { defined } from '../../protocol/defined.js';

export type TranscriptionTask = 'transcribe' | 'translate';

export interface TranscriptionRequest {
  readonly task: TranscriptionTask;
  readonly format: NonNullable<TranscriptionFields['response_format']>;
  /** Default model if absent. */
  readonly model?: string;
  readonly options: TranscribeOptions;
  /** Timestamps in verbose_json. */
  readonly timestamps: { readonly words: boolean; readonly segments: boolean };
  readonly logprobs: boolean;
  readonly stream: boolean;
}

/** @throws SottoError INVALID_ARGUMENT, MODEL_NOT_FOUND */
export function toTranscriptionRequest(
  fields: TranscriptionFields,
  task: TranscriptionTask,
): TranscriptionRequest {
  const { response_format: format = 'json', stream = false } = fields;
  const granularities = fields['timestamp_granularities[]'] ?? [];
  const words = granularities.includes('word');
  const logprobs = fields['include[]']?.includes('logprobs') ?? false;
  if (words && (format === 'json' || format === 'text')) {
    throw new SottoError('INVALID_ARGUMENT', `${format} has no word timestamps`, {
      hint: 'use response_format=verbose_json, or omit timestamp_granularities',
      param: 'timestamp_granularities',
    });
  }
  if (logprobs && format !== 'json' && !stream) {
    throw new SottoError('INVALID_ARGUMENT', `${format} has no logprobs`, {
      hint: 'use response_format=json, or omit include',
      param: 'include',
    });
  }
  const model = modelOf(fields.model);
  return {
    task,
    format,
    ...defined({ model }),
    options: toTranscribeOptions(fields, {
      task,
      words,
      logprobs,
      timed: format !== 'json' && format !== 'text',
    }),
    timestamps: { words, segments: !words || granularities.includes('segment') },
    logprobs,
    stream,
  };
}

interface OutputOptions {
  readonly task: TranscriptionTask;
  readonly words: boolean;
  readonly logprobs: boolean;
  /** Whether the format has segment times. */
  readonly timed: boolean;
}

function toTranscribeOptions(
  fields: TranscriptionFields,
  { task, words, logprobs, timed }: OutputOptions,
): TranscribeOptions {
  const { prompt, temperature = 0, vad, vocabulary, beam_size: beamSize } = fields;
  const languages = fields['languages[]'] ?? [];
  const language = fields.language ?? (languages.length === 1 ? languages[0] : undefined);
  const hotwords = [...(fields['keywords[]'] ?? []), ...(fields['hotwords[]'] ?? [])];
  return {
    ...(task === 'translate' && { task }),
    ...defined({ language, initialPrompt: prompt }),
    // As OpenAI documents: 0 means increasing temperatures until the quality checks pass, which is the default.
    ...(temperature > 0 && { temperature: [temperature] }),
    ...(hotwords.length > 0 && { hotwords }),
    ...(words && { wordTimestamps: true }),
    ...(logprobs && { tokenLogprobs: true }),
    // The fastest option for plain text, as in `sotto transcribe`.
    ...(!timed && { timestamps: 'auto' as const }),
    ...(vad === false && { vad }),
    ...(vocabulary === false && { vocabulary }),
    ...defined({ beamSize, alignModel: alignModelOf(fields, timed) }),
  };
}

/** Undefined for a format without times, which has no use for it. @throws SottoError MODEL_NOT_FOUND */
function alignModelOf({ align_model: name }: TranscriptionFields, timed: boolean): string | undefined {
  if (name !== undefined && !isModelId(name)) throw modelNotFound(name, 'align_model');
  return timed ? name : undefined;
}

/** @returns the model to find, or undefined for the default model @throws SottoError MODEL_NOT_FOUND */
export function modelOf(name: string): string | undefined {
  if (isOpenaiName(name)) return undefined;
  if (isModelId(name)) return name;
  throw modelNotFound(name);
}

/** Replaces the default hint, because HTTP clients can't pass a model folder. */
export function withModelHint(error: SottoError): SottoError {
  if (error.code !== 'MODEL_NOT_FOUND') return error;
  const { code, message, retryable } = error;
  const param = ['alignModel', 'align_model'].includes(error.param ?? '') ? 'align_model' : 'model';
  return new SottoError(code, message, { hint: NOT_FOUND_HINTS[param], retryable, param, cause: error });
}

const NOT_FOUND_HINTS = {
  model: 'GET /v1/models lists installed models, `sotto models pull` adds one; whisper-1 is the default',
  align_model: 'GET /v1/models lists installed models; choose one that aligns, such as a Wav2Vec2 model',
} as const;

/** @param param the field that names the model */
export function modelNotFound(name: string, param: keyof typeof NOT_FOUND_HINTS = 'model'): SottoError {
  return new SottoError('MODEL_NOT_FOUND', `there is no model named ${JSON.stringify(name.slice(0, 80))}`, {
    hint: NOT_FOUND_HINTS[param],
    param,
  });
}
