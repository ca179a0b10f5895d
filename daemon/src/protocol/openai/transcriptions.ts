/**
 * `POST /v1/audio/transcriptions` and `/translations`, as OpenAI's clients speak them. What is parsed and what the document at
 * `/openapi.json` says come from these schemas. `file` is not among the fields: it never is in memory.
 */
import * as v from 'valibot';
import { finite, text, integer, inRange } from '../fields.js';

const described = <S extends v.GenericSchema>(
  schema: S,
  description: string,
  ...examples: v.InferInput<S>[]
) => v.pipe(schema, v.metadata({ description, ...(examples.length > 0 && { examples }) }));

const model = described(
  text(1, 200),
  'Name of a model that is installed, or one of OpenAI’s own names, which all mean the model that was chosen for this machine.',
  'whisper-1',
);
const prompt = described(
  text(0, 4096),
  'Text that counts as said before the audio: names, spelling, style.',
  'Sotto, MLX, Nguyen',
);
const temperature = described(
  inRange(0, 1),
  'Sampling temperature. 0, and leaving it out, is greedy, with higher ones tried where the text looks wrong.',
  0,
);

const RESPONSE_FORMATS = ['json', 'text', 'srt', 'verbose_json', 'vtt'] as const;
const responseFormat = described(
  v.picklist(RESPONSE_FORMATS),
  'What is answered; json when left out.',
  'verbose_json',
);

/** What Sotto takes beyond OpenAI's fields. */
const ours = {
  'hotwords[]': v.exactOptional(
    described(
      v.pipe(v.array(text(1, 100)), v.maxLength(200)),
      'Sotto’s own: names and words that are likely to be said. In place of those of the user’s vocabulary.',
      ['Kubernetes', 'Nguyen'],
    ),
  ),
  vad: v.exactOptional(
    described(v.boolean(), 'Sotto’s own: false gives the model pauses and music to hear, too.', true),
  ),
  beam_size: v.exactOptional(
    described(
      v.pipe(integer, v.minValue(1), v.maxValue(16)),
      'Sotto’s own: texts that are weighed side by side; 1 is greedy.',
      1,
    ),
  ),
  vocabulary: v.exactOptional(
    described(v.boolean(), 'Sotto’s own: whether the user’s words and replacements are used.', true),
  ),
};

export const translationFieldsSchema = v.object({
  model,
  prompt: v.exactOptional(prompt),
  response_format: v.exactOptional(responseFormat),
  temperature: v.exactOptional(temperature),
  ...ours,
});

export const transcriptionFieldsSchema = v.object({
  ...translationFieldsSchema.entries,
  language: v.exactOptional(
    described(text(2, 32), 'Language that is spoken, as a code or in English; detected when left out.', 'en'),
  ),
  'languages[]': v.exactOptional(
    described(
      v.pipe(v.array(text(2, 32)), v.maxLength(16)),
      'Languages that may be spoken; one alone is what `language` is.',
      ['en'],
    ),
  ),
  'keywords[]': v.exactOptional(
    described(
      v.pipe(v.array(text(1, 100)), v.maxLength(200)),
      'Names and words that are likely to be said; as `hotwords[]`.',
      ['Kubernetes'],
    ),
  ),
  'include[]': v.exactOptional(
    described(
      v.pipe(v.array(v.picklist(['logprobs'])), v.maxLength(8)),
      'What json and the stream tell beside the text.',
      ['logprobs'],
    ),
  ),
  'timestamp_granularities[]': v.exactOptional(
    described(
      v.pipe(v.array(v.picklist(['word', 'segment'])), v.maxLength(8)),
      'Whose times verbose_json tells; segments when left out.',
      ['word', 'segment'],
    ),
  ),
  stream: v.exactOptional(
    described(v.boolean(), 'Whether the text is sent as it comes, as server-sent events.', false),
  ),
});
export type TranscriptionFields = v.InferOutput<typeof transcriptionFieldsSchema>;

/** Seconds of audio, rounded up. */
const durationUsageSchema = v.object({ type: v.literal('duration'), seconds: integer });

/** A tenth of a second of audio counts as one token, and each token of the model's text. */
const tokensUsageSchema = v.object({
  type: v.literal('tokens'),
  input_tokens: integer,
  input_token_details: v.object({ text_tokens: integer, audio_tokens: integer }),
  output_tokens: integer,
  total_tokens: integer,
});

/** A token of the text. Its bytes may be a part of a character, which `token` shows as U+FFFD. */
const logprobSchema = v.object({
  token: v.string(),
  logprob: finite,
  bytes: v.array(v.pipe(integer, v.minValue(0), v.maxValue(255))),
});
export type Logprob = v.InferOutput<typeof logprobSchema>;

export const transcriptionSchema = v.object({
  text: v.string(),
  logprobs: v.exactOptional(v.array(logprobSchema)),
  usage: durationUsageSchema,
});

/** Times in seconds. */
const verboseSegmentSchema = v.object({
  id: integer,
  /** Where it starts, in hundredths of a second. */
  seek: integer,
  start: finite,
  end: finite,
  text: v.string(),
  tokens: v.array(integer),
  temperature: finite,
  avg_logprob: finite,
  compression_ratio: finite,
  no_speech_prob: finite,
});

const verboseWordSchema = v.object({ word: v.string(), start: finite, end: finite });

export const verboseTranscriptionSchema = v.object({
  task: v.picklist(['transcribe', 'translate']),
  /** In English, small letters. */
  language: v.string(),
  duration: finite,
  text: v.string(),
  segments: v.exactOptional(v.array(verboseSegmentSchema)),
  words: v.exactOptional(v.array(verboseWordSchema)),
  usage: durationUsageSchema,
});

/** The texts of all `delta`s joined are the text of `done`. */
export const streamEventSchema = v.variant('type', [
  v.object({
    type: v.literal('transcript.text.delta'),
    delta: v.string(),
    logprobs: v.exactOptional(v.array(logprobSchema)),
  }),
  v.object({
    type: v.literal('transcript.text.done'),
    text: v.string(),
    logprobs: v.exactOptional(v.array(logprobSchema)),
    usage: tokensUsageSchema,
  }),
]);

export type Transcription = v.InferOutput<typeof transcriptionSchema>;
export type VerboseTranscription = v.InferOutput<typeof verboseTranscriptionSchema>;
export type StreamEvent = v.InferOutput<typeof streamEventSchema>;
