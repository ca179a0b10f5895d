/**
 * Schemas of `POST /v1/audio/transcriptions` and `/translations`. Both the parser and `/openapi.json` use them. `file` is not
 * among the fields, because it is never in memory.
 */
import * as v from 'valibot';
import { finite, text, integer, inRange } from '../fields.js';

const describe = <S extends v.GenericSchema>(
  schema: S,
  description: string,
  ...examples: v.InferInput<S>[]
) => v.pipe(schema, v.metadata({ description, ...(examples.length > 0 && { examples }) }));

const model = describe(
  text(1, 200),
  'Name of an installed model. OpenAI’s own model names all mean the default model.',
  'whisper-1',
);
const prompt = describe(text(0, 4096), 'Initial prompt: names, spelling, style.', 'Sotto, MLX, Nguyen');
const temperature = describe(
  inRange(0, 1),
  'Sampling temperature. 0 (default) is greedy and falls back to higher temperatures if a decode fails.',
  0,
);

const RESPONSE_FORMATS = ['json', 'text', 'srt', 'verbose_json', 'vtt'] as const;
const responseFormat = describe(
  v.picklist(RESPONSE_FORMATS),
  'Format of the response; default json.',
  'verbose_json',
);

/** Fields that OpenAI's API does not have. */
const sottoFields = {
  'hotwords[]': v.exactOptional(
    describe(
      v.pipe(v.array(text(1, 100)), v.maxLength(200)),
      'Sotto only: names and terms to listen for, instead of the user’s vocabulary.',
      ['Kubernetes', 'Nguyen'],
    ),
  ),
  vad: v.exactOptional(describe(v.boolean(), 'Sotto only: false transcribes silence and noise, too.', true)),
  beam_size: v.exactOptional(
    describe(v.pipe(integer, v.minValue(1), v.maxValue(16)), 'Sotto only: beam size; 1 is greedy.', 1),
  ),
  vocabulary: v.exactOptional(
    describe(v.boolean(), 'Sotto only: whether to use the user’s vocabulary and replacements.', true),
  ),
};

export const translationFieldsSchema = v.object({
  model,
  prompt: v.exactOptional(prompt),
  response_format: v.exactOptional(responseFormat),
  temperature: v.exactOptional(temperature),
  ...sottoFields,
});

export const transcriptionFieldsSchema = v.object({
  ...translationFieldsSchema.entries,
  language: v.exactOptional(
    describe(text(2, 32), 'Spoken language, as a code or English name; detected if omitted.', 'en'),
  ),
  'languages[]': v.exactOptional(
    describe(
      v.pipe(v.array(text(2, 32)), v.maxLength(16)),
      'Languages that may be spoken; a single one is the same as `language`.',
      ['en'],
    ),
  ),
  'keywords[]': v.exactOptional(
    describe(
      v.pipe(v.array(text(1, 100)), v.maxLength(200)),
      'Names and terms to listen for; the same as `hotwords[]`.',
      ['Kubernetes'],
    ),
  ),
  'include[]': v.exactOptional(
    describe(
      v.pipe(v.array(v.picklist(['logprobs'])), v.maxLength(8)),
      'What json and the stream contain in addition to the text.',
      ['logprobs'],
    ),
  ),
  align_model: v.exactOptional(
    describe(
      text(1, 200),
      'Sotto only: name of an installed model that aligns (CTC); formats with times get those of its words.',
      'wav2vec2-base-960h',
    ),
  ),
  'timestamp_granularities[]': v.exactOptional(
    describe(
      v.pipe(v.array(v.picklist(['word', 'segment'])), v.maxLength(8)),
      'Which timestamps verbose_json contains; default segment.',
      ['word', 'segment'],
    ),
  ),
  stream: v.exactOptional(describe(v.boolean(), 'Whether to stream the text as server-sent events.', false)),
});
export type TranscriptionFields = v.InferOutput<typeof transcriptionFieldsSchema>;

/** Seconds of audio, rounded up. */
const durationUsageSchema = v.object({ type: v.literal('duration'), seconds: integer });

/** A tenth of a second of audio counts as one input token. */
const tokensUsageSchema = v.object({
  type: v.literal('tokens'),
  input_tokens: integer,
  input_token_details: v.object({ text_tokens: integer, audio_tokens: integer }),
  output_tokens: integer,
  total_tokens: integer,
});

/** The bytes of a token may be part of a character, which `token` shows as U+FFFD. */
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
  /** Start in hundredths of a second. */
  seek: integer,
  start: finite,
  end: finite,
  text: v.string(),
  tokens: v.exactOptional(v.array(integer)),
  temperature: v.exactOptional(finite),
  avg_logprob: v.exactOptional(finite),
  compression_ratio: v.exactOptional(finite),
  no_speech_prob: v.exactOptional(finite),
});

const verboseWordSchema = v.object({ word: v.string(), start: finite, end: finite });

export const verboseTranscriptionSchema = v.object({
  task: v.picklist(['transcribe', 'translate']),
  /** English name in lowercase. */
  language: v.string(),
  duration: finite,
  text: v.string(),
  segments: v.exactOptional(v.array(verboseSegmentSchema)),
  words: v.exactOptional(v.array(verboseWordSchema)),
  usage: durationUsageSchema,
});

/** The joined `delta` texts equal the text of `done`. */
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

export type ApiTranscription = v.InferOutput<typeof transcriptionSchema>;
export type VerboseTranscription = v.InferOutput<typeof verboseTranscriptionSchema>;
export type StreamEvent = v.InferOutput<typeof streamEventSchema>;
