/** Reads a JSON body. */
import type { IncomingMessage } from 'node:http';
import { SottoError } from '../../protocol/errors.js';
import { drainRequest } from './send.js';

/** Larger than any text of a request, with room for escapes. */
const MAX_BODY_BYTES = 256 * 1024;

/** @throws SottoError UNSUPPORTED_MEDIA_TYPE, PAYLOAD_TOO_LARGE, INVALID_ARGUMENT, CANCELLED */
export async function readJson(request: IncomingMessage, signal: AbortSignal): Promise<unknown> {
  const type = request.headers['content-type'] ?? '';
  if (!/^application\/json\b/i.test(type)) {
    drainRequest(request);
    throw new SottoError('UNSUPPORTED_MEDIA_TYPE', 'the body must be application/json');
  }
  const parts: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const part of request as AsyncIterable<Buffer>) {
      bytes += part.length;
      // The rest is read, so that the client can read the answer.
      if (bytes <= MAX_BODY_BYTES) parts.push(part);
    }
  } catch (cause) {
    throw new SottoError('CANCELLED', 'the client disconnected', { cause });
  }
  if (signal.aborted) throw new SottoError('CANCELLED', 'the client disconnected');
  if (bytes > MAX_BODY_BYTES)
    throw new SottoError('PAYLOAD_TOO_LARGE', `the body is larger than ${MAX_BODY_BYTES} bytes`);
  try {
    return JSON.parse(Buffer.concat(parts).toString('utf8'));
  } catch {
    throw new SottoError('INVALID_ARGUMENT', 'the body is not JSON');
  }
}
