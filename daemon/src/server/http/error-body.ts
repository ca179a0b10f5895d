/** A failure as HTTP says it: the four fields that every client of OpenAI's API reads, with our codes, and ours beside them. */
import type { ErrorCode, SottoError } from '../../protocol/errors.js';
import { MethodNotAllowed } from './router.js';

/** How long a client that met BUSY waits before it asks again. */
const RETRY_AFTER_SECONDS = 2;

export interface ErrorBody {
  readonly error: {
    /** With the advice: it is all that most programs show. */
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: ErrorCode;
    readonly hint: string;
    readonly retryable: boolean;
  };
}

export function errorBody(error: SottoError): ErrorBody {
  const { code, message, hint, retryable } = error;
  return {
    error: {
      message: `${message} — ${hint}`,
      type: typeOf(error.httpStatus),
      param: error.param ?? null,
      code,
      hint,
      retryable,
    },
  };
}

/** What the official clients go by when they decide whether to ask again: they would at every 5xx. */
export function errorHeaders(error: SottoError): Record<string, string> {
  const { httpStatus: status, retryable } = error;
  const again = retryable && (status === 503 || status === 429);
  return {
    'x-should-retry': String(again),
    ...(again && { 'retry-after': String(RETRY_AFTER_SECONDS) }),
    ...(status === 426 && { connection: 'Upgrade, close', upgrade: 'websocket' }),
    ...(status === 401 && { 'www-authenticate': 'Bearer' }),
    ...(error instanceof MethodNotAllowed && { allow: error.allow }),
  };
}

function typeOf(status: number): string {
  if (status === 401) return 'authentication_error';
  if (status === 403) return 'permission_error';
  if (status === 404) return 'not_found_error';
  if (status === 429 || status === 503) return 'rate_limit_error';
  return status >= 500 ? 'server_error' : 'invalid_request_error';
}
