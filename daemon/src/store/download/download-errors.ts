/** What went wrong with a request: whether it passes by itself, and what to tell the user. */
import { codeOf, messageOf, SottoError } from '../../protocol/errors.js';
import { hintOf, reasonOf } from '../../protocol/file-errors.js';

/** A failure that another try may mend. */
export class TransientError extends Error {
  override readonly name = 'Passing';
  /** Milliseconds that the hub asks to wait. */
  readonly waitMs: number | undefined;

  constructor(message: string, { waitMs, cause }: { waitMs?: number | undefined; cause?: unknown } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.waitMs = waitMs;
  }
}

/** The name of the hub was not found: this machine is offline, most likely, and more tries do not help. */
export class OfflineError extends TransientError {
  constructor(host: string, cause: unknown) {
    super(`can't reach ${host}`, { cause });
  }
}

/** The cause of an error that says that the hub has no such repository, or keeps it from strangers: it does not tell which. */
export class RepositoryNotFoundError extends Error {
  override readonly name = 'NoSuchRepository';
}

/**
 * An answer that is none of success, as the error to throw. Reads nothing but its head: what the hub says in
 * `X-Error-Code` (RepoNotFound, RevisionNotFound, EntryNotFound, GatedRepo) is all that is needed.
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
    const why = status === 429 ? 'the hub asks to slow down' : `the hub answers ${status}`;
    return new TransientError(`${why} (${what})`, { waitMs: retryAfterMs(headers, nowMs) });
  }
  if (code === 'GatedRepo' || status === 403) {
    return new SottoError(
      'DOWNLOAD_DENIED',
      `the hub does not give ${what} to you${message === '' ? '' : `: ${message}`}`,
    );
  }
  // A repository that is not there and one that is private get the same answer, so that nobody learns which.
  if (status === 401) {
    return new SottoError(
      'DOWNLOAD_DENIED',
      `the hub does not give ${what} to strangers, or has no such model`,
      {
        hint: 'check the name; if the model is private, set HF_TOKEN',
        cause: new RepositoryNotFoundError(what),
      },
    );
  }
  if (status === 404 || code !== '') {
    const missing =
      code === 'RevisionNotFound'
        ? 'has no such revision of'
        : code === 'EntryNotFound'
          ? 'lacks a file:'
          : 'has no';
    return new SottoError('MODEL_NOT_FOUND', `the hub ${missing} ${what}`, {
      hint: 'check owner, name and revision; `sotto models list` has what is known to be there',
      ...((code === 'RepoNotFound' || code === '') && { cause: new RepositoryNotFoundError(what) }),
    });
  }
  return new SottoError('DOWNLOAD_FAILED', `the hub answers ${status} (${what})`);
}

/** What a request threw, as the error to throw: an error of the network is one that passes. */
export function networkError(thrown: unknown, what: string): TransientError | SottoError {
  if (thrown instanceof SottoError || thrown instanceof TransientError) return thrown;
  const cause = typeof thrown === 'object' && thrown !== null && 'cause' in thrown ? thrown.cause : undefined;
  const code = codeOf(cause) ?? codeOf(thrown);
  if (code !== undefined && /CERT|TLS|SELF_SIGNED/.test(code)) {
    return new SottoError('DOWNLOAD_FAILED', `the hub's certificate is not trusted: ${code} (${what})`, {
      cause: thrown,
      hint: 'if your proxy inspects TLS, set NODE_EXTRA_CA_CERTS',
    });
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return new OfflineError(hostOf(cause ?? thrown), thrown);
  const why = code === undefined ? messageOf(cause ?? thrown) : `${messageOf(cause ?? thrown)} (${code})`;
  return new TransientError(`the connection broke: ${why} (${what})`, { cause: thrown });
}

function hostOf(error: unknown): string {
  const host: unknown =
    typeof error === 'object' && error !== null ? Reflect.get(error, 'hostname') : undefined;
  return typeof host === 'string' ? host : 'the hub';
}

/** What the system says about a file here, as the error to throw. */
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

/** `Retry-After` in seconds or as a date; `RateLimit: "api";r=0;t=37`, with the seconds until the hub counts anew. */
export function retryAfterMs(headers: Headers, nowMs: number): number | undefined {
  const after = headers.get('retry-after');
  if (after !== null) {
    if (/^\d{1,6}$/.test(after.trim())) return Number(after) * 1000;
    const atMs = Date.parse(after);
    // By the hub's own clock, where it tells it: ours may be wrong.
    const hubMs = Date.parse(headers.get('date') ?? '');
    if (!Number.isNaN(atMs)) return Math.max(0, atMs - (Number.isNaN(hubMs) ? nowMs : hubMs));
  }
  const left = /(?:^|;)\s*t=(\d{1,6})\b/.exec(headers.get('ratelimit') ?? '')?.[1];
  return left === undefined ? undefined : Number(left) * 1000;
}
