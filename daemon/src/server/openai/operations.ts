/** All HTTP operations, for the OpenAPI document. */
import type * as v from 'valibot';
import type { ErrorCode } from '../../protocol/errors.js';
import {
  errorBodySchema,
  healthSchema,
  modelListSchema,
  modelSchema,
  speechRequestSchema,
  streamEventSchema,
  transcriptionFieldsSchema,
  transcriptionSchema,
  translationFieldsSchema,
  verboseTranscriptionSchema,
} from '../../protocol/openai.js';

/** Schemas by their names in the document. */
export const OBJECTS = {
  TranscriptionForm: transcriptionFieldsSchema,
  TranslationForm: translationFieldsSchema,
  Transcription: transcriptionSchema,
  VerboseTranscription: verboseTranscriptionSchema,
  TranscriptionStreamEvent: streamEventSchema,
  SpeechRequest: speechRequestSchema,
  Model: modelSchema,
  ModelList: modelListSchema,
  Health: healthSchema,
  Error: errorBodySchema,
} as const satisfies Record<string, v.GenericSchema>;
export type ObjectName = keyof typeof OBJECTS;

/** Content of a response by media type: one of several objects, text, or server-sent events with JSON. */
export type ResponseTypes = Readonly<
  Record<string, readonly ObjectName[] | 'text' | 'events' | 'audio' | 'anything'>
>;

export interface Operation {
  readonly method: 'get' | 'post';
  readonly path: string;
  readonly id: string;
  readonly summary: string;
  readonly description?: string;
  /** Path parameters with examples. */
  readonly params?: Readonly<Record<string, string>>;
  /** Request body: a form, to which `file` is added, or JSON. */
  readonly form?: ObjectName;
  readonly json?: ObjectName;
  /** Content of status 200, if it is possible. */
  readonly responseTypes?: ResponseTypes;
  /** Whether 503 has the same body as 200. */
  readonly hasUnavailableBody?: true;
  /** In addition to the errors of all operations. */
  readonly errors: readonly ErrorCode[];
}

const BODY_ERRORS = [
  'INVALID_ARGUMENT',
  'UNSUPPORTED_MEDIA_TYPE',
  'REQUEST_TIMEOUT',
  'INSUFFICIENT_DISK',
] as const;
const AUDIO_ERRORS = ['AUDIO_EMPTY', 'AUDIO_UNREADABLE', 'AUDIO_TRUNCATED', 'AUDIO_UNSUPPORTED'] as const;
const MODEL_ERRORS = [
  'MODEL_NOT_FOUND',
  'MODEL_UNSUPPORTED',
  'MODEL_CORRUPT',
  'MODEL_LOAD_FAILED',
  'TOKENIZER_FAILED',
] as const;
const ENGINE_ERRORS = [
  'INSUFFICIENT_MEMORY',
  'ENGINE_CRASHED',
  'ENGINE_UNAVAILABLE',
  'ENGINE_OOM',
  'SPOOL_FAILED',
] as const;
const DAEMON_ERRORS = ['BUSY', 'DAEMON_UNAVAILABLE', 'CANCELLED'] as const;
const WORK_ERRORS: readonly ErrorCode[] = [
  ...BODY_ERRORS,
  ...AUDIO_ERRORS,
  ...MODEL_ERRORS,
  ...ENGINE_ERRORS,
  ...DAEMON_ERRORS,
];

const SPEECH_ERRORS: readonly ErrorCode[] = [
  ...BODY_ERRORS,
  'PAYLOAD_TOO_LARGE',
  ...MODEL_ERRORS,
  ...ENGINE_ERRORS,
  ...DAEMON_ERRORS,
];

const TRANSCRIPTION: ResponseTypes = {
  'application/json': ['Transcription', 'VerboseTranscription'],
  'text/plain': 'text',
  'text/vtt': 'text',
};

export const OPERATIONS: readonly Operation[] = [
  {
    method: 'post',
    path: '/v1/audio/transcriptions',
    id: 'createTranscription',
    summary: 'Transcribe a file.',
    description:
      'Parts may be in any order, and unknown fields are ignored. With `stream` the text is sent while the file is transcribed, ' +
      'as server-sent events: each is a TranscriptionStreamEvent, an Error, or `[DONE]`.',
    form: 'TranscriptionForm',
    responseTypes: { ...TRANSCRIPTION, 'text/event-stream': 'events' },
    errors: WORK_ERRORS,
  },
  {
    method: 'post',
    path: '/v1/audio/translations',
    id: 'createTranslation',
    summary: 'Transcribe a file into English.',
    form: 'TranslationForm',
    responseTypes: TRANSCRIPTION,
    errors: WORK_ERRORS,
  },
  {
    method: 'post',
    path: '/v1/audio/speech',
    id: 'createSpeech',
    summary: 'Speak a text.',
    description:
      'The audio is sent while it is made, as WAV of unknown length or as 16-bit samples at 24 kHz. OpenAI’s voices mean the ' +
      'default voice of the model. An error after the first audio closes the connection.',
    json: 'SpeechRequest',
    responseTypes: { 'audio/wav': 'audio', 'audio/pcm': 'audio' },
    errors: SPEECH_ERRORS,
  },
  {
    method: 'get',
    path: '/v1/models',
    id: 'listModels',
    summary: 'List installed models, and the chosen ones as whisper-1 and tts-1.',
    responseTypes: { 'application/json': ['ModelList'] },
    errors: [],
  },
  {
    method: 'get',
    path: '/v1/models/{id}',
    id: 'retrieveModel',
    summary: 'Get a model by any of its names.',
    params: { id: 'whisper-1' },
    responseTypes: { 'application/json': ['Model'] },
    errors: ['MODEL_NOT_FOUND'],
  },
  {
    method: 'get',
    path: '/health',
    id: 'health',
    summary: 'Check whether requests are served; 503 if not.',
    responseTypes: { 'application/json': ['Health'] },
    hasUnavailableBody: true,
    errors: [],
  },
  {
    method: 'get',
    path: '/metrics',
    id: 'metrics',
    summary: 'Metrics for Prometheus.',
    responseTypes: { 'text/plain': 'text' },
    errors: [],
  },
  {
    method: 'get',
    path: '/openapi.json',
    id: 'document',
    summary: 'This document.',
    responseTypes: { 'application/json': 'anything' },
    errors: [],
  },
];
