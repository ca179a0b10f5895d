/** A WAV as the codes of the codec in use. */
import { joinCodes, type Codes } from '../../protocol/codec.js';
import { SottoError } from '../../protocol/errors.js';
import type { PackedCodes } from '../../store/codes/packed-codes.js';
import type { Job } from '../jobs/job.js';
import type { JobScheduler } from '../jobs/job-scheduler.js';

export type EncodingQueue = Pick<JobScheduler, 'encode' | 'cancel'>;

/**
 * Queues a file behind those of other clients, and resolves when it is encoded.
 *
 * @param client whose file it is
 * @param path absolute
 * @throws SottoError MODEL_NOT_FOUND if no codec is in use; MODEL_UNSUPPORTED if it only encodes; the error of the job; CANCELLED
 */
export function encodeRecording(
  queue: EncodingQueue,
  client: object,
  path: string,
  signal: AbortSignal,
): Promise<PackedCodes> {
  let cancel: () => void = () => undefined;
  const encoded = new Promise<PackedCodes>((resolve, reject) => {
    const parts: Codes[] = [];
    const job: Job = queue.encode(client, { path, isUpload: true }, (notice) => {
      switch (notice.type) {
        case 'codes':
          parts.push(notice.codes);
          return;
        case 'encoded': {
          const { model, sampleRate, samples, encodesOnly } = notice.summary;
          if (encodesOnly === true) reject(noDecoder(model));
          else resolve({ ...joinCodes(parts), model, sampleRate, samples });
          return;
        }
        case 'failed':
          reject(notice.error);
          return;
        case 'cancelled':
          reject(new SottoError('CANCELLED', 'cancelled'));
          return;
        default:
      }
    });
    cancel = () => queue.cancel(job);
    if (signal.aborted) cancel();
    else signal.addEventListener('abort', cancel, { once: true });
  });
  // Many recordings are encoded under one signal.
  return encoded.finally(() => signal.removeEventListener('abort', cancel));
}

const noDecoder = (model: string): SottoError =>
  new SottoError('MODEL_UNSUPPORTED', `the codes of ${model} can’t be decoded again`);
