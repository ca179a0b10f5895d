/** Errors of requests to the Hub: whether they are transient, and what to tell the user. */
import { codeOf, messageOf, SottoError } from '../../protocol/errors.js';
import { hintOf, reasonOf } from '../../protocol/file-errors.js';

/** A failure that may not recur on another try. */
export class TransientError extends Error {
  override readonly name = 'Passing';
  /** Milliseconds that the Hub asks to wait. */
  readonly waitMs: number | undefined;

  constructor(message: string, { waitMs, cause }: { waitMs?: number | undefined; cause?: unknown } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.waitMs = waitMs;
  }
}

/** The Hub's name doesn't resolve: this machine is probably offline, and more tries don't help. */
export class OfflineError extends TransientError {
  constructor(host: string, cause: unknown) {
    super(`can't reach ${host}`, { cause });
  }
}

/** The cause of an error for a repository that doesn't exist or is private: the Hub doesn't tell which. */
export class RepositoryNotFoundError extends Error {
  override readonly name = 'NoSuchRepository';
}

/**
 * The error for an unsuccessful response. Only its headers are read: the Hub's `X-Error-Code` (RepoNotFound,
 * RevisionNotFound, EntryNotFound, GatedRepo) is sufficient.
 */
export function responseError(
  response: Response,
  what: string,
  nowMs: number = Date.now(),
): TransientError | SottoError {
  const { status, headers } = response;
  const code = headers.get('x-error-code') ?? '';
  const message = (headers.get('x-error-message') ?? '').replace(/[^\x20-\x7e]+/g, ' ').slice(0, 200);
  if (status === 408 || status === 425 || status === 429 || status >= 500) {
    const why = status === 429 ? 'Hugging Face is limiting requests' : `Hugging Face returned ${status}`;
    return new TransientError(`${why} (${what})`, { waitMs: retryAfterMs(headers, nowMs) });
  }
  if (code === 'GatedRepo' || status === 403) {
    return new SottoError(
      'DOWNLOAD_DENIED',
      `Hugging Face denied access to ${what}${message === '' ? '' : `: ${message}`}`,
    );
  }
  // The Hub gives the same response for a missing and for a private repository, so that nothing leaks.
  if (status === 401) {
    return new SottoError('DOWNLOAD_DENIED', `Hugging Face has no public model ${what}`, {
      hint: 'check the name; if the model is private, set HF_TOKEN',
      cause: new RepositoryNotFoundError(what),
    });
  }
  if (status === 404 || code !== '') {
    const missing =
      code === 'RevisionNotFound'
        ? 'has no such revision of'
        : code === 'EntryNotFound'
          ? 'lacks a file:'
          : 'has no';
    return new SottoError('MODEL_NOT_FOUND', `Hugging Face ${missing} ${what}`, {
      hint: 'check owner, name and revision; `sotto models list` shows known models',
      ...((code === 'RepoNotFound' || code === '') && { cause: new RepositoryNotFoundError(what) }),
    });
  }
  return new SottoError('DOWNLOAD_FAILED', `Hugging Face returned ${status} (${what})`);
}

/** The error for a thrown network error: transient, unless the certificate is invalid. */
export function networkError(thrown: unknown, what: string): TransientError | SottoError {
  if (thrown instanceof SottoError || thrown instanceof TransientError) return thrown;
  const cause = typeof thrown === 'object' && thrown !== null && 'cause' in thrown ? thrown.cause : undefined;
  const code = codeOf(cause) ?? codeOf(thrown);
  if (code !== undefined && /CERT|TLS|SELF_SIGNED/.test(code)) {
    return new SottoError('DOWNLOAD_FAILED', `Hugging Face’s certificate is not trusted: ${code} (${what})`, {
      cause: thrown,
      hint: 'if your proxy inspects TLS, set NODE_EXTRA_CA_CERTS',
    });
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return new OfflineError(hostOf(cause ?? thrown), thrown);
  const why = code === undefined ? messageOf(cause ?? thrown) : `${messageOf(cause ?? thrown)} (${code})`;
  return new TransientError(`connection lost: ${why} (${what})`, { cause: thrown });
}

function hostOf(error: unknown): string {
  const host: unknown =
    typeof error === 'object' && error !== null ? Reflect.get(error, 'hostname') : undefined;
  return typeof host === 'string' ? host : 'Hugging Face';
}

/** The error for a failed file operation. */
export function diskError(thrown: unknown, path: string): SottoError {
  if (thrown instanceof SottoError) return thrown;
  const code = codeOf(thrown);
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new SottoError('INSUFFICIENT_DISK', `the disk is full: ${path}`, { cause: thrown });
  }
  return new SottoError('DOWNLOAD_FAILED', `${path} can't be written: ${reasonOf(thrown)}`, {
    cause: thrown,
    retryable: false,
    hint: hintOf(thrown) ?? 'check the permissions of that folder',
  });
}

/**
 * `Retry-After` in seconds or as a date; `RateLimit: "api";r=0;t=37`, where t is the seconds until the Hub's
 * counter resets.
 */
export function retryAfterMs(headers: Headers, nowMs: number): number | undefined {
  const after = headers.get('retry-after');
  if (after !== null) {
    if (/^\d{1,6}$/.test(after.trim())) return Number(after) * 1000;
    const atMs = Date.parse(after);
    // Relative to the Hub's clock, if it sends its date: ours may be wrong.
    const hubMs = Date.parse(headers.get('date') ?? '');
    if (!Number.isNaN(atMs)) return Math.max(0, atMs - (Number.isNaN(hubMs) ? nowMs : hubMs));
  }
  const left = /(?:^|;)\s*t=(\d{1,6})\b/.exec(headers.get('ratelimit') ?? '')?.[1];
  return left === undefined ? undefined : Number(left) * 1000;
}
