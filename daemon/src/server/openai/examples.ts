/** Examples for the OpenAPI document, copied from real responses. */
import type * as v from 'valibot';
import type { OBJECTS, ObjectName } from './operations.js';

const TEXT = 'And so my fellow Americans, ask not what your country can do for you.';
const USAGE = { type: 'duration', seconds: 8 } as const;
const TINY = { id: 'whisper-1', object: 'model', created: 1_795_258_459, owned_by: 'sotto' } as const;

type Examples = { readonly [Name in ObjectName]?: v.InferOutput<(typeof OBJECTS)[Name]> };

export const EXAMPLES: Examples = {
  Transcription: { text: TEXT, usage: USAGE },
  VerboseTranscription: {
    task: 'transcribe',
    language: 'english',
    duration: 7.7,
    text: TEXT,
    segments: [
      {
        id: 0,
        seek: 32,
        start: 0.32,
        end: 7.42,
        text: ` ${TEXT}`,
        tokens: [
          50_364, 400, 370, 452, 7177, 6280, 11, 1029, 406, 437, 428, 1941, 393, 360, 337, 291, 13, 50_749,
        ],
        temperature: 0,
        avg_logprob: -0.39,
        compression_ratio: 1.34,
        no_speech_prob: 0.09,
      },
    ],
    words: [
      { word: 'And', start: 0.32, end: 0.52 },
      { word: 'so', start: 0.52, end: 0.84 },
    ],
    usage: USAGE,
  },
  TranscriptionStreamEvent: { type: 'transcript.text.delta', delta: TEXT },
  SpeechRequest: { model: 'tts-1', input: 'Good morning.', voice: 'alloy' },
  Model: TINY,
  ModelList: { object: 'list', data: [TINY, { ...TINY, id: 'whisper-base-6bit' }] },
  Health: {
    state: 'ready',
    version: '0.1.0',
    uptimeSeconds: 3600,
    model: { name: 'whisper-base-6bit', state: 'ready' },
  },
  Error: {
    error: {
      message: 'there is no model named "nova" — GET /v1/models lists installed models',
      type: 'not_found_error',
      param: 'model',
      code: 'MODEL_NOT_FOUND',
      hint: 'GET /v1/models lists installed models',
      retryable: false,
    },
  },
};
