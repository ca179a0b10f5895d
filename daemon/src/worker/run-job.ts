/**
 * Runs one job. A queue reassigns a job when its worker is silent, so two workers may run it: the first text is kept,
 * the other one is dropped, and a job whose text exists is over at once.
 */
import { dirname, isAbsolute } from 'node:path';
import { throwIfCancelled } from '../async.js';
import { SottoError, type ErrorCode } from '../protocol/errors.js';
import { formatOf } from '../writers/index.js';
import type { ReportAudio } from '../writers/writer.js';
import { hasText, placeText } from '../writers/placement/place-text.js';
import { MODEL_ERROR_CODES } from '../protocol/model-error-codes.js';
import type { Transcriber } from '../batch/transcriber.js';
import { documentOf, type Document } from '../writers/transcript.js';
import type { FetchedAudio, FetchLimits } from './fetch-audio.js';
import type { DraftSweeper } from './draft-sweeper.js';
import { MAX_TEXT_BYTES, type JobProgress, type JobResult, type QueueJob } from './queue-job.js';
import type { Roots } from './roots.js';
import { defined } from '../protocol/defined.js';

export interface JobDeps {
  readonly worker: string;
  readonly roots: Roots;
  readonly limits: FetchLimits;
  /** For jobs without a model; the daemon's default if absent. */
  readonly model?: string;
  /** The local daemon; closed after the job. */
  readonly transcriber: () => Promise<Transcriber>;
  readonly draftSweeper: Pick<DraftSweeper, 'sweep'>;
  /** Texts stored in the queue. `there`: another text was first. */
  readonly texts: {
    has(id: string): Promise<boolean>;
    put(id: string, text: string): Promise<'done' | 'there'>;
  };
}

interface JobAttempt {
  readonly id: string;
  readonly job: QueueJob;
  /** Whether a previous worker died during the job. */
  readonly wasLost: boolean;
}

/** @throws SottoError */
export async function runJob(
  { id, job, wasLost }: JobAttempt,
  deps: JobDeps,
  signal: AbortSignal,
  onProgress: (progress: JobProgress) => void,
): Promise<JobResult> {
  const { worker, roots } = deps;
  const { extension } = formatOf(job.format);
  const file = job.target.kind === 'file' ? await roots.target(job.target.path, extension) : undefined;
  // Swept first, because the dead worker may have placed its text.
  if (file !== undefined) await deps.draftSweeper.sweep(dirname(file), { afterDeath: wasLost });
  if (file === undefined ? await deps.texts.has(id) : await hasText(file))
    return { outcome: 'there', worker };
  const audio = await openAudio(job, deps, signal);
  try {
    const folder = dirname(file ?? audio.path);
    const { text, transcript } = await transcribe(job, audio.path, folder, deps, signal, onProgress);
    // A worker that lost the job must not write its text.
    throwIfCancelled(signal);
    const outcome = file === undefined ? await putText(id, text, deps) : await place(file, text);
    const { durationSeconds, language } = transcript.summary;
    return { outcome, worker, durationSeconds, language };
  } finally {
    await audio.remove();
  }
}

/** Failures of this machine, which affect every job. A model named by the job is the job's own failure. */
const OWN_CODES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'SHARE_GONE',
  'VERSION_MISMATCH',
  'UNAUTHORIZED',
  'INSUFFICIENT_DISK',
]);
const OWN_MODEL_CODES: ReadonlySet<ErrorCode> = new Set<ErrorCode>(MODEL_ERROR_CODES);
/** Permanent here, but another machine may have the model, the permission or the folder. */
const RETRY_ELSEWHERE_CODES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  ...OWN_MODEL_CODES,
  'AUDIO_REFUSED',
  'AUDIO_UNREADABLE',
  'OUTPUT_FAILED',
]);

/** A file may have crashed the engine, and the next job restarts a stopping daemon. */
const PAUSE_CODES: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['ENGINE_UNAVAILABLE', 'DAEMON_UNAVAILABLE']);

/** What to do after a failure. `stop` and `pause` return the job and accept no more jobs, permanently or for a while. */
export function failureAction(
  error: SottoError,
  job: QueueJob | undefined,
): 'retry' | 'fail' | 'pause' | 'stop' {
  if (PAUSE_CODES.has(error.code)) return 'pause';
  if (OWN_CODES.has(error.code)) return 'stop';
  if (OWN_MODEL_CODES.has(error.code) && job?.model === undefined) return 'stop';
  return error.retryable || RETRY_ELSEWHERE_CODES.has(error.code) ? 'retry' : 'fail';
}

async function openAudio(
  { source }: QueueJob,
  { roots, limits }: JobDeps,
  signal: AbortSignal,
): Promise<FetchedAudio> {
  if (source.kind === 'path') {
    return { path: await roots.source(source.path), remove: () => Promise.resolve() };
  }
  const { fetchAudio } = await import('./fetch-audio.js');
  return fetchAudio(source.url, limits, signal);
}

async function transcribe(
  job: QueueJob,
  path: string,
  folder: string,
  { worker, roots, transcriber: open, model: defaultModel }: JobDeps,
  signal: AbortSignal,
  onProgress: (progress: JobProgress) => void,
): Promise<Document> {
  const { format, options, model: jobModel } = job;
  const model =
    jobModel !== undefined && isAbsolute(jobModel)
      ? await roots.source(jobModel)
      : (jobModel ?? defaultModel);
  const transcriber = await open();
  let totalSeconds: number | undefined;
  try {
    return await documentOf(
      transcriber.transcribe(path, options, { signal, ...defined({ model }) }),
      { file: job.name, folder, audio: () => audioFor(job, path, folder) },
      { format, options, writer: settingsOf(job) },
      (event) => {
        if (event.type === 'started') totalSeconds = event.durationSeconds;
        if (event.type !== 'progress') return;
        onProgress({ worker, seconds: event.seconds, ...defined({ totalSeconds }) });
      },
    );
  } finally {
    await transcriber.close();
  }
}

async function place(file: string, text: string): Promise<'done' | 'there'> {
  return (await placeText(file, text, { existing: 'keep' })) === 'placed' ? 'done' : 'there';
}

async function putText(id: string, text: string, { texts }: JobDeps): Promise<'done' | 'there'> {
  if (Buffer.byteLength(text) <= MAX_TEXT_BYTES) return texts.put(id, text);
  throw new SottoError('OUTPUT_FAILED', 'the text is too long for the queue', {
    hint: 'write it to a shared disk with --output-dir FOLDER',
  });
}

async function audioFor({ source }: QueueJob, path: string, folder: string): Promise<ReportAudio> {
  const { reportAudio } = await import('../writers/report-audio.js');
  const audio = await reportAudio(path, folder);
  // A downloaded file is removed afterwards, so a large one is linked at its URL.
  if (audio.kind === 'linked' && source.kind === 'url')
    return { kind: 'linked', href: new URL(source.url).href };
  return audio;
}

function settingsOf({ writer: { highlightWords, rules } }: QueueJob) {
  return defined({ highlightWords, rules });
}
