/** `POST /v1/audio/transcriptions` and `/translations`. */
import type { Clock } from '../../clock.js';
import { SottoError } from '../../protocol/errors.js';
import { codedError } from '../../protocol/file-errors.js';
import { parseFields, transcriptionFieldsSchema, translationFieldsSchema } from '../../protocol/openai.js';
import type { JobScheduler } from '../../sessions/jobs/job-scheduler.js';
import { readForm, type Form } from '../http/multipart.js';
import type { Call, Reply, Route } from '../http/route.js';
import { withKeepAlive } from '../http/sse.js';
import type { Upload } from '../../upload.js';
import { replyFor } from './responses.js';
import {
  toTranscriptionRequest,
  withModelHint,
  type TranscriptionRequest,
  type TranscriptionTask,
} from './request.js';
import { TranscriptionJob } from './transcription-job.js';
import { streamed } from './event-stream.js';
import { defined } from '../../protocol/defined.js';

/** Delays the status of a stream until the first event, because most errors of a file are known by then. */
const STATUS_DELAY_MS = 5_000;
const SSE = { 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' };

interface TranscribeContext {
  readonly sessions: Pick<JobScheduler, 'submit' | 'cancel'>;
  /** Private folder for uploads. */
  readonly uploads: string;
  readonly clock: Clock;
}

export function transcribeRoutes(context: TranscribeContext): Route[] {
  return [
    {
      method: 'POST',
      path: '/v1/audio/transcriptions',
      usesEngine: true,
      answer: (call) => answer(context, call, 'transcribe'),
    },
    {
      method: 'POST',
      path: '/v1/audio/translations',
      usesEngine: true,
      answer: (call) => answer(context, call, 'translate'),
    },
  ];
}

async function answer(
  context: TranscribeContext,
  { request, signal }: Call,
  task: TranscriptionTask,
): Promise<Reply> {
  const sinceMs = context.clock.nowMs();
  const form = await readForm(request, { folder: context.uploads, signal });
  const { job, transcriptionRequest } = await begin(context, form, { task, signal });
  const reply = transcriptionRequest.stream
    ? await stream(context, job, transcriptionRequest)
    : await whole(job, transcriptionRequest);
  const elapsedMs = Math.round(context.clock.nowMs() - sinceMs);
  return { ...reply, headers: { ...reply.headers, 'openai-processing-ms': String(elapsedMs) } };
}

/** Submits the job, which then owns the file and discards it at its end. */
async function begin(
  { sessions }: TranscribeContext,
  { fields, file }: Form,
  { task, signal }: { readonly task: TranscriptionTask; readonly signal: AbortSignal },
): Promise<{ job: TranscriptionJob; transcriptionRequest: TranscriptionRequest }> {
  try {
    const transcriptionRequest = toTranscriptionRequest(parseFields(schemaOf(task), fields), task);
    const { path } = checked(file);
    const request = {
      path,
      isUpload: true,
      options: transcriptionRequest.options,
      ...defined({ model: transcriptionRequest.model }),
    };
    const job = new TranscriptionJob(sessions, request, { signal, onOver: () => void file?.discard() });
    return { job, transcriptionRequest };
  } catch (thrown) {
    await file?.discard();
    throw withParam(thrown);
  }
}

function schemaOf(task: TranscriptionTask) {
  return task === 'translate' ? translationFieldsSchema : transcriptionFieldsSchema;
}

function checked(file: Upload | undefined): Upload {
  const hint = 'send the audio as the form field `file`';
  if (file === undefined)
    throw new SottoError('INVALID_ARGUMENT', 'file is missing', { hint, param: 'file' });
  if (file.bytes === 0) throw new SottoError('AUDIO_EMPTY', 'the file is 0 bytes long', { param: 'file' });
  return file;
}

async function whole(job: TranscriptionJob, transcriptionRequest: TranscriptionRequest): Promise<Reply> {
  try {
    return await replyFor(transcriptionRequest, await job.result());
  } catch (thrown) {
    throw withParam(thrown, transcriptionRequest);
  }
}

async function stream(
  { clock }: TranscribeContext,
  job: TranscriptionJob,
  transcriptionRequest: TranscriptionRequest,
): Promise<Reply> {
  await new Promise<void>((resolve) => {
    const timer = clock.after(STATUS_DELAY_MS, resolve);
    void job.firstEvent().then(() => {
      timer.cancel();
      resolve();
    });
  });
  if (job.failed !== undefined) throw withParam(job.failed, transcriptionRequest);
  return { headers: SSE, body: withKeepAlive(streamed(job, transcriptionRequest), clock) };
}

/** Adds the field that caused an error. What a model refuses of a request is its language or its task. */
function withParam(thrown: unknown, transcriptionRequest?: TranscriptionRequest): SottoError {
  const error = withModelHint(codedError(thrown));
  if (error.param === 'alignModel') return error.withParam('align_model');
  if (error.param !== undefined) return error;
  const param = paramOf(error, transcriptionRequest);
  return param === undefined ? error : error.withParam(param);
}

function paramOf(
  { code }: SottoError,
  transcriptionRequest: TranscriptionRequest | undefined,
): string | undefined {
  if (code.startsWith('AUDIO_')) return 'file';
  if (code.startsWith('MODEL_')) return 'model';
  if (code !== 'INVALID_ARGUMENT' || transcriptionRequest === undefined) return undefined;
  return transcriptionRequest.options.language === undefined ? 'model' : 'language';
}
