/** Every operation that is served over HTTP, as the document tells of it. */
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

/** The objects that travel, by their names in the document. */
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

/** What an answer is, by media type: one of several objects, text, or events with JSON in them. */
export type ResponseTypes = Readonly<Record<string, readonly ObjectName[] | 'text' | 'events' | 'anything'>>;

export interface Operation {
  readonly method: 'get' | 'post';
  readonly path: string;
  readonly id: string;
  readonly summary: string;
  readonly description?: string;
  /** Of its path, each with an example. */
  readonly params?: Readonly<Record<string, string>>;
  /** A form, to which its `file` is added, or JSON. */
  readonly form?: ObjectName;
  readonly json?: ObjectName;
  /** With the status 200; none where it is never had. */
  readonly responseTypes?: ResponseTypes;
  /** Whether 503 has the same body as 200. */
  readonly hasUnavailableBody?: true;
  /** Beside those that any operation may fail with. */
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
    summary: 'Writes down what is said in a file.',
    description:
      'Parts may come in any order, fields that are not known are ignored. A long file takes its time: with `stream` the text ' +
      'comes as it is found, as server-sent events that are each a TranscriptionStreamEvent or an Error, and `[DONE]`.',
    form: 'TranscriptionForm',
    responseTypes: { ...TRANSCRIPTION, 'text/event-stream': 'events' },
    errors: WORK_ERRORS,
  },
  {
    method: 'post',
    path: '/v1/audio/translations',
    id: 'createTranslation',
    summary: 'Writes down in English what is said in another language.',
    form: 'TranslationForm',
    responseTypes: TRANSCRIPTION,
    errors: WORK_ERRORS,
  },
  {
    method: 'post',
    path: '/v1/audio/speech',
    id: 'createSpeech',
    summary: 'Not served yet: answers 501.',
    json: 'SpeechRequest',
    errors: ['NOT_IMPLEMENTED'],
  },
  {
    method: 'get',
    path: '/v1/models',
    id: 'listModels',
    summary: 'The models that are installed, and whisper-1, which stands for the chosen one.',
    responseTypes: { 'application/json': ['ModelList'] },
    errors: [],
  },
  {
    method: 'get',
    path: '/v1/models/{id}',
    id: 'retrieveModel',
    summary: 'One of them, by any of its names.',
    params: { id: 'whisper-1' },
    responseTypes: { 'application/json': ['Model'] },
    errors: ['MODEL_NOT_FOUND'],
  },
  {
    method: 'get',
    path: '/health',
    id: 'health',
    summary: 'Whether work that is handed in now would be done: 503 where it would not.',
    responseTypes: { 'application/json': ['Health'] },
    hasUnavailableBody: true,
    errors: [],
  },
  {
    method: 'get',
    path: '/metrics',
    id: 'metrics',
    summary: 'Figures for Prometheus.',
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
