/**
 * Minimum upload rate of a request body. An upload may take as long as its audio, because live audio arrives slowly. But a
 * client that sends almost nothing would keep a slot that others wait for.
 */
import type { IncomingMessage } from 'node:http';
import { SottoError } from '../../protocol/errors.js';

export interface UploadTimeout {
  readonly everyMs: number;
  /** Required in each interval. Speech in the tightest codec is 750 bytes per second. */
  readonly minBytes: number;
}

export const DEFAULT_UPLOAD_TIMEOUT: UploadTimeout = { everyMs: 15_000, minBytes: 4_096 };

interface UploadWatch {
  /** Rejects with REQUEST_TIMEOUT, never resolves. */
  readonly failed: Promise<never>;
  stop(): void;
}

export function watchUpload(request: IncomingMessage, { everyMs, minBytes }: UploadTimeout): UploadWatch {
  let reject: (error: SottoError) => void = () => undefined;
  const failed = new Promise<never>((_, fail) => (reject = fail));
  const { socket } = request;
  let before = socket.bytesRead;
  const timer = setInterval(() => {
    const receivedBytes = socket.bytesRead - before;
    before = socket.bytesRead;
    // Bytes that this process has not read yet are no fault of the client.
    if (request.complete || request.readableLength > 0 || receivedBytes >= minBytes) return;
    clearInterval(timer);
    reject(
      new SottoError(
        'REQUEST_TIMEOUT',
        `the request body arrived too slowly: ${receivedBytes} bytes in ${everyMs / 1000} seconds`,
      ),
    );
  }, everyMs);
  timer.unref();
  return { failed, stop: () => clearInterval(timer) };
}

/** Whether the headers announce a body. */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
