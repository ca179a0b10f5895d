/** What a program asks for in OpenAI's words, in ours. */
import { SottoError } from '../../protocol/errors.js';
import { isModelId, isOpenaiName, type TranscriptionFields } from '../../protocol/openai.js';
import type { TranscribeOptions } from '../../protocol/transcription.js';
import { defined } from '../../protocol/defined.js';

export type Task = 'transcribe' | 'translate';

export interface TranscriptionRequest {
  readonly task: Task;
  readonly format: NonNullable<TranscriptionFields['response_format']>;
  /** Name of a model; the chosen one when left out. */
  readonly model?: string;
  readonly options: TranscribeOptions;
  /** Which times verbose_json tells. */
  readonly timestamps: { readonly words: boolean; readonly segments: boolean };
  readonly logprobs: boolean;
  readonly stream: boolean;
}

/** @throws SottoError INVALID_ARGUMENT, MODEL_NOT_FOUND */
export function toTranscriptionRequest(fields: TranscriptionFields, task: Task): TranscriptionRequest {
  const { response_format: format = 'json', stream = false } = fields;
  const granularities = fields['timestamp_granularities[]'] ?? [];
  const words = granularities.includes('word');
  const logprobs = fields['include[]']?.includes('logprobs') ?? false;
  if (words && (format === 'json' || format === 'text')) {
    throw new SottoError('INVALID_ARGUMENT', `${format} has no place for the times of words`, {
      hint: 'add response_format=verbose_json, or leave out timestamp_granularities',
      param: 'timestamp_granularities',
    });
  }
  if (logprobs && format !== 'json' && !stream) {
    throw new SottoError('INVALID_ARGUMENT', `${format} has no place for logprobs`, {
      hint: 'add response_format=json, or leave out include',
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
  readonly task: Task;
  readonly words: boolean;
  readonly logprobs: boolean;
  /** Whether the times of segments are told. */
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
    // OpenAI's own words: at 0 it is raised step by step until a text looks right, which is what is done by default.
    ...(temperature > 0 && { temperature: [temperature] }),
    ...(hotwords.length > 0 && { hotwords }),
    ...(words && { wordTimestamps: true }),
    ...(logprobs && { tokenLogprobs: true }),
    // As `sotto transcribe` does for text alone: the fastest way to it.
    ...(!timed && { timestamps: 'auto' as const }),
    ...(vad === false && { vad }),
    ...(vocabulary === false && { vocabulary }),
    ...defined({ beamSize }),
  };
}

/** A name for Sotto to look up; none where the program means whatever is there. @throws SottoError MODEL_NOT_FOUND */
export function modelOf(name: string): string | undefined {
  if (isOpenaiName(name)) return undefined;
  if (isModelId(name)) return name;
  throw modelNotFound(name);
}

/** The usual advice speaks of folders, which nobody names over HTTP. */
export function withModelHint(error: SottoError): SottoError {
  if (error.code !== 'MODEL_NOT_FOUND') return error;
  const { code, message, retryable } = error;
  return new SottoError(code, message, {
    hint: modelNotFound('').hint,
    retryable,
    param: 'model',
    cause: error,
  });
}

export function modelNotFound(name: string): SottoError {
  return new SottoError('MODEL_NOT_FOUND', `there is no model named ${JSON.stringify(name.slice(0, 80))}`, {
    hint: 'GET /v1/models lists what is here, `sotto models pull` brings others; whisper-1 is the chosen one',
    param: 'model',
  });
}
