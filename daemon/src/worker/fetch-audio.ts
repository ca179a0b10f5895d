/** Downloads audio to a private folder, limited in size and time, until its job is over. */
import { createWriteStream } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { Transform, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { isRunning } from '../is-running.js';
import { codeOf, messageOf, SottoError } from '../protocol/errors.js';
import { SOTTO_VERSION } from '../protocol/version.js';
import { assertPublicHost, lookupPublic } from './private-networks.js';

export interface FetchLimits {
  readonly maxBytes: number;
  /** For the whole download. */
  readonly maxSeconds: number;
  /** Whether private networks are allowed. */
  readonly allowPrivate: boolean;
}

export interface FetchedAudio {
  readonly path: string;
  readonly remove: () => Promise<void>;
}

/** Called with the bytes so far and, if known, in total. */
type OnBytes = (bytes: number, ofBytes: number | undefined) => void;

const MAX_REDIRECTS = 5;
const CONNECT_TIMEOUT_MS = 15_000;
/** Time without any data. */
const IDLE_TIMEOUT_MS = 60_000;
/** The file no longer exists. */
const MISSING_STATUSES = new Set([404, 410]);
/** A retry may succeed. */
const TRANSIENT_STATUSES = new Set([408, 425, 429, 500, 502, 503, 504]);

const FOLDER = /^sotto-worker-(\d+)-/;

/** @throws SottoError AUDIO_REFUSED, AUDIO_NOT_FOUND, AUDIO_FETCH_FAILED, CANCELLED */
export async function fetchAudio(
  address: string,
  limits: FetchLimits,
  signal: AbortSignal,
  onBytes: OnBytes = () => undefined,
): Promise<FetchedAudio> {
  // mkdtemp makes it private.
  const folder = await mkdtemp(join(tmpdir(), `sotto-worker-${process.pid}-`));
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    const path = join(folder, `sound${extensionOf(address)}`);
    await download(new URL(address), path, limits, signal, onBytes);
    return { path, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Removes downloads of killed workers. */
export async function sweepFetched(): Promise<void> {
  for (const name of await readdir(tmpdir()).catch(() => [])) {
    const pid = Number(FOLDER.exec(name)?.[1] ?? NaN);
    if (Number.isNaN(pid) || pid === process.pid || isRunning(pid)) continue;
    await rm(join(tmpdir(), name), { recursive: true, force: true }).catch(() => undefined);
  }
}

async function download(
  first: URL,
  path: string,
  limits: FetchLimits,
  signal: AbortSignal,
  onBytes: OnBytes,
): Promise<void> {
  const { Agent, request } = await import('undici');
  const agent = new Agent({
    connect: { timeout: CONNECT_TIMEOUT_MS, ...(!limits.allowPrivate && { lookup: lookupPublic }) },
    headersTimeout: IDLE_TIMEOUT_MS,
    bodyTimeout: IDLE_TIMEOUT_MS,
  });
  const tooLong = AbortSignal.timeout(limits.maxSeconds * 1000);
  const combined = AbortSignal.any([signal, tooLong]);
  try {
    let url = first;
    for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
      checkUrl(url, limits);
      const answer = await request(url, {
        dispatcher: agent,
        signal: combined,
        headers: { 'user-agent': `sotto/${SOTTO_VERSION}`, 'accept-encoding': 'identity' },
      });
      const to = answer.headers.location;
      if (answer.statusCode < 300 || answer.statusCode > 399 || typeof to !== 'string') {
        await saveBody(answer, path, limits, combined, onBytes);
        return;
      }
      discard(answer.body);
      url = redirectOf(url, to);
    }
    throw new SottoError('AUDIO_FETCH_FAILED', 'the URL redirects too often', {
      retryable: false,
    });
  } catch (error) {
    throw fetchError(error, limits, signal, tooLong);
  } finally {
    await agent.destroy().catch(() => undefined);
  }
}

interface Answer {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Readable;
}

async function saveBody(
  { statusCode, headers, body }: Answer,
  path: string,
  { maxBytes }: FetchLimits,
  signal: AbortSignal,
  onBytes: OnBytes,
): Promise<void> {
  if (statusCode !== 200) {
    discard(body);
    if (MISSING_STATUSES.has(statusCode))
      throw new SottoError('AUDIO_NOT_FOUND', `the URL answers ${statusCode}`);
    throw new SottoError('AUDIO_FETCH_FAILED', `the URL answers ${statusCode}`, {
      retryable: TRANSIENT_STATUSES.has(statusCode),
    });
  }
  if (Number(headers['content-length'] ?? 0) > maxBytes) {
    discard(body);
    throw tooBig(maxBytes);
  }
  const announced = Number(headers['content-length'] ?? NaN);
  let bytes = 0;
  const limit = new Transform({
    transform(chunk: Buffer, _, done) {
      bytes += chunk.length;
      onBytes(bytes, announced > 0 ? announced : undefined);
      if (bytes > maxBytes) done(tooBig(maxBytes));
      else done(null, chunk);
    },
  });
  await pipeline(body, limit, createWriteStream(path, { flags: 'wx', mode: 0o600 }), { signal });
}

/** Ignores the error of an unread body. */
function discard(body: Readable): void {
  body.on('error', () => undefined);
  body.destroy();
}

function checkUrl(url: URL, { allowPrivate }: FetchLimits): void {
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new SottoError('AUDIO_REFUSED', `audio is fetched over http or https, not over ${url.protocol}`);
  if (url.username !== '' || url.password !== '') {
    throw new SottoError('AUDIO_REFUSED', 'a URL with a password is not accepted', {
      hint: 'use a signed URL: everyone who reads the queue can see it',
    });
  }
  if (!allowPrivate) assertPublicHost(url);
}

/** Never redirects from https to http. */
function redirectOf(from: URL, to: string): URL {
  const next = URL.canParse(to, from.href) ? new URL(to, from.href) : undefined;
  const fits = next?.protocol === from.protocol || next?.protocol === 'https:';
  if (next !== undefined && fits) return next;
  throw new SottoError(
    'AUDIO_REFUSED',
    `the URL redirects from ${from.protocol} to ${next?.protocol ?? 'nowhere'}`,
  );
}

function fetchError(
  error: unknown,
  { maxSeconds }: FetchLimits,
  signal: AbortSignal,
  tooLong: AbortSignal,
): SottoError {
  if (signal.aborted) return new SottoError('CANCELLED', 'cancelled');
  if (tooLong.aborted)
    return new SottoError('AUDIO_FETCH_FAILED', `timed out after ${maxSeconds} s`, { cause: error });
  if (error instanceof SottoError) return error;
  // The connector wraps the lookup's error.
  const cause = error instanceof Error ? error.cause : undefined;
  if (cause instanceof SottoError) return cause;
  if (['ENOSPC', 'EDQUOT'].includes(codeOf(error) ?? ''))
    return new SottoError('INSUFFICIENT_DISK', 'not enough disk space for the download', { cause: error });
  const why = NAME_FAILURES[codeOf(error) ?? ''] ?? messageOf(error);
  return new SottoError('AUDIO_FETCH_FAILED', `the URL can’t be fetched: ${why}`, { cause: error });
}

const NAME_FAILURES: Readonly<Record<string, string>> = {
  ENOTFOUND: 'unknown host',
  EAI_AGAIN: 'the host name can’t be resolved',
};

function tooBig(maxBytes: number): SottoError {
  return new SottoError('AUDIO_FETCH_FAILED', `it is larger than ${Math.floor(maxBytes / 1_000_000)} MB`, {
    retryable: false,
    hint: 'raise the worker’s --max-download',
  });
}

/** Some decoders need the extension. */
function extensionOf(address: string): string {
  const extension = extname(new URL(address).pathname).toLowerCase();
  return /^\.[a-z0-9]{1,5}$/.test(extension) ? extension : '';
}
