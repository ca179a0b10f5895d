/** Errors over HTTP: the four fields of OpenAI's API, with Sotto's codes, plus `hint` and `retryable`. */
import type { ErrorCode, SottoError } from '../../protocol/errors.js';
import { MethodNotAllowed } from './router.js';

/** Pause before a client retries after BUSY. */
const RETRY_AFTER_SECONDS = 2;

export interface ErrorBody {
  readonly error: {
    /** Includes the hint, because most programs show only the message. */
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

/** Headers that control retries of OpenAI's clients, which would otherwise retry after every 5xx. */
export function errorHeaders(error: SottoError): Record<string, string> {
  const { httpStatus: status, retryable } = error;
  const shouldRetry = retryable && (status === 503 || status === 429);
  return {
    'x-should-retry': String(shouldRetry),
    ...(shouldRetry && { 'retry-after': String(RETRY_AFTER_SECONDS) }),
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
