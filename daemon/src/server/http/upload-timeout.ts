/**
 * Whether a body keeps coming. It may be as long as its audio takes to be sent, and spoken audio that is sent as it is said
 * comes slowly; but who sends next to nothing holds a place that others wait for.
 */
import type { IncomingMessage } from 'node:http';
import { SottoError } from '../../protocol/errors.js';

export interface UploadTimeout {
  readonly everyMs: number;
  /** That must come in each such time: speech in the tightest codec is 750 bytes a second. */
  readonly minBytes: number;
}

export const DEFAULT_UPLOAD_TIMEOUT: UploadTimeout = { everyMs: 15_000, minBytes: 4_096 };

interface UploadWatch {
  /** Rejects with REQUEST_TIMEOUT, or stays open. */
  readonly failed: Promise<never>;
  end(): void;
}

export function watchUpload(request: IncomingMessage, { everyMs, minBytes }: UploadTimeout): UploadWatch {
  let reject: (error: SottoError) => void = () => undefined;
  const failed = new Promise<never>((_, fail) => (reject = fail));
  const { socket } = request;
  let before = socket.bytesRead;
  const timer = setInterval(() => {
    const receivedBytes = socket.bytesRead - before;
    before = socket.bytesRead;
    // What lies here unread waits for us.
    if (request.complete || request.readableLength > 0 || receivedBytes >= minBytes) return;
    clearInterval(timer);
    reject(
      new SottoError(
        'REQUEST_TIMEOUT',
        `the body came too slowly: ${receivedBytes} bytes in ${everyMs / 1000} seconds`,
      ),
    );
  }, everyMs);
  timer.unref();
  return { failed, end: () => clearInterval(timer) };
}

/** Whether the request says that a body comes. */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
