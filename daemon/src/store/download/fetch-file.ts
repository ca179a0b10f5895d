/**
 * Downloads one file of a model from the Hub. A partial file of an earlier try is resumed at any byte; the file
 * gets its final name only when its bytes match the declared hash.
 */
import { constants } from 'node:fs';
import { open, readFile, rename, rm, stat, writeFile, type FileHandle } from 'node:fs/promises';
import { downloadFile } from '@huggingface/hub';
import type { Clock } from '../../clock.js';
import { throwIfCancelled } from '../../async.js';
import { SottoError } from '../../protocol/errors.js';
import { checkDeclared, checkRange } from './response-checks.js';
import { FileHash, readThrough } from './file-hash.js';
import type { ProgressMeter } from './download-progress.js';
import { withRetries } from './retry.js';
import { safePath } from './safe-path.js';
import type { Transport } from './transport.js';
import { responseError, diskError, networkError, TransientError } from './download-errors.js';
import type { RemoteFile } from './select-files.js';
import { defined } from '../../protocol/defined.js';

export interface HubFileSource {
  readonly repo: string;
  readonly commit: string;
  readonly endpoint: string;
  readonly transport: Transport;
}

interface FetchOptions {
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly meter: ProgressMeter;
  /** Called when bytes arrive, to report the progress. */
  readonly onBytes: () => void;
  readonly onRetry: (why: string, waitMs: number) => void;
}

/** A connection without data for this long is aborted. */
export const STALL_TIMEOUT_MS = 30_000;

/** How often a file's hash may be wrong: once may be a bad disk or connection. */
const MAX_HASH_MISMATCHES = 2;

/** @throws SottoError DOWNLOAD_FAILED, DOWNLOAD_CORRUPT, DOWNLOAD_DENIED, INSUFFICIENT_DISK, CANCELLED */
export async function fetchFile(
  folder: string,
  file: RemoteFile,
  source: HubFileSource,
  options: FetchOptions,
): Promise<void> {
  const path = safePath(folder, file.name);
  if ((await sizeOf(path)) === file.bytes) {
    options.meter.addExisting(file.bytes);
    return;
  }
  const part = new PartFile(path, file, options);
  try {
    await part.open();
    let highest = 0;
    let wrong = 0;
    await withRetries(
      async (progress) => {
        if (part.bytes < file.bytes) {
          await receive(part, file, source, options, () => {
            // Only new bytes count as progress: a file that always breaks at the same point must not be tried
            // forever.
            if (part.bytes > highest) progress();
            highest = Math.max(highest, part.bytes);
          });
        }
        if (part.isIntact()) return;
        await part.restart();
        if (++wrong >= MAX_HASH_MISMATCHES) {
          throw new SottoError(
            'DOWNLOAD_CORRUPT',
            `${file.name} of ${source.repo} doesn’t match its published hash`,
          );
        }
        throw new TransientError(`${file.name} has a wrong hash`, { waitMs: 0 });
      },
      { clock: options.clock, signal: options.signal, onWait: options.onRetry },
    );
    await part.finish();
  } finally {
    await part.close();
  }
}

/** Downloads over one connection until it ends. */
async function receive(
  part: PartFile,
  file: RemoteFile,
  { repo, commit, endpoint, transport }: HubFileSource,
  { signal, clock, onBytes }: FetchOptions,
  addReceived: () => void,
): Promise<void> {
  const what = `${file.name} of ${repo}`;
  const stalled = new AbortController();
  let stallTimer = clock.after(STALL_TIMEOUT_MS, () => stalled.abort());
  const signals = AbortSignal.any([signal, stalled.signal]);
  let requestError: unknown;
  // The library's requests go over our transport, and each response is checked before its body is read.
  const hubFetch: typeof fetch = async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const range = new Headers(init?.headers).get('range');
    const send = (etag: string | undefined) =>
      transport.get(url, {
        headers: { ...(range !== null && { range }), ...defined({ 'if-range': etag }) },
        signal: signals,
        onResponse: (response) => checkDeclared(response, file, commit),
      });
    try {
      let response = await send(part.bytes > 0 ? part.etag : undefined);
      if (part.bytes > 0 && response.status === 200 && part.etag !== undefined) {
        // The ETag has changed. The commit identifies the file, so the existing bytes are still good, and the hash
        // decides at the end.
        await response.body?.cancel();
        response = await send(undefined);
      }
      if (part.bytes > 0 && (response.status === 200 || response.status === 416)) {
        await part.restart();
      }
      if (!response.ok) {
        await response.body?.cancel();
        throw response.status === 416
          ? new TransientError(`Hugging Face has no more bytes of ${what}`)
          : responseError(response, what);
      }
      checkRange(response, part.bytes, file.bytes, what);
      await part.remember(response.headers.get('etag'));
      return response;
    } catch (error) {
      requestError = error;
      throw error;
    }
  };
  try {
    const blob = await downloadFile({
      repo: { type: 'model', name: repo },
      path: file.name,
      revision: commit,
      hubUrl: endpoint,
      // Plain HTTP: mirrors don't support the chunk protocol, and it can't be resumed at any byte.
      xet: false,
      downloadInfo: { size: file.bytes, etag: '', url: `${endpoint}/${repo}/resolve/${commit}/${file.name}` },
      fetch: hubFetch,
    });
    if (blob === null) throw new TransientError(`Hugging Face no longer has ${what}`);
    const body: ReadableStream<Uint8Array> = blob.slice(part.bytes).stream();
    const reader = body.getReader();
    try {
      for (;;) {
        const { done, value } = await reader.read();
        stallTimer.cancel();
        stallTimer = clock.after(STALL_TIMEOUT_MS, () => stalled.abort());
        throwIfCancelled(signal);
        if (done) break;
        if (part.bytes + value.length > file.bytes) {
          await part.restart();
          throw new TransientError(`${what} has more bytes than declared`);
        }
        await part.write(value);
        addReceived();
        onBytes();
      }
    } finally {
      await reader.cancel().catch(() => undefined);
    }
    if (part.bytes < file.bytes) throw new TransientError(`the connection ended early (${what})`);
  } catch (error) {
    throwIfCancelled(signal);
    if (stalled.signal.aborted)
      throw new TransientError(`no data for ${STALL_TIMEOUT_MS / 1000} s (${what})`);
    throw networkError(requestError ?? error, what);
  } finally {
    stallTimer.cancel();
    stalled.abort();
  }
}

/** A partial file. Its hash is updated with each write. */
class PartFile {
  readonly #path: string;
  readonly #partPath: string;
  readonly #file: RemoteFile;
  readonly #options: FetchOptions;
  #handle: FileHandle | undefined;
  #hash: FileHash;
  etag: string | undefined;

  constructor(path: string, file: RemoteFile, options: FetchOptions) {
    this.#path = path;
    this.#partPath = `${path}.part`;
    this.#file = file;
    this.#options = options;
    this.#hash = new FileHash(file);
  }

  get bytes(): number {
    return this.#hash.bytes;
  }

  /** Hashes the bytes of an earlier try instead of trusting them. */
  async open(): Promise<void> {
    const { signal, meter } = this.#options;
    try {
      // O_NOFOLLOW: a symbolic link must not lead out of the folder.
      const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;
      this.#handle = await open(this.#partPath, flags, 0o644);
      const { size } = await this.#handle.stat();
      if (size > this.#file.bytes) await this.#handle.truncate(0);
      else if (size > 0) {
        await readThrough(this.#partPath, size, signal, (chunk) => this.#hash.update(chunk));
        meter.addExisting(this.#hash.bytes);
        this.etag = await readFile(this.#etagPath, 'utf8').catch(() => undefined);
      }
    } catch (error) {
      throw diskError(error, this.#partPath);
    }
  }

  async write(chunk: Uint8Array): Promise<void> {
    try {
      let at = 0;
      while (at < chunk.length) {
        const { bytesWritten } = await this.#opened.write(chunk, at, chunk.length - at, this.bytes + at);
        at += bytesWritten;
      }
    } catch (error) {
      throw diskError(error, this.#partPath);
    }
    this.#hash.update(chunk);
    this.#options.meter.addReceived(chunk.length);
  }

  /** Only a strong ETag guarantees equal bytes; it is stored next to the file, to survive a kill. */
  async remember(etag: string | null): Promise<void> {
    const strong = etag !== null && /^"[\x21\x23-\x7e]{1,200}"$/.test(etag) ? etag : undefined;
    if (strong === this.etag) return;
    this.etag = strong;
    if (strong === undefined) await rm(this.#etagPath, { force: true });
    else await writeFile(this.#etagPath, strong).catch(() => undefined);
  }

  /** Discards the existing bytes. */
  async restart(): Promise<void> {
    this.#options.meter.addExisting(-this.bytes);
    this.#hash = new FileHash(this.#file);
    await this.remember(null);
    await this.#opened.truncate(0);
  }

  /** Whether the file is complete and correct. May be called once, until `restart`. */
  isIntact(): boolean {
    return this.#hash.finish().isIntact;
  }

  async finish(): Promise<void> {
    try {
      await this.#opened.sync();
      await this.close();
      await rename(this.#partPath, this.#path);
      await rm(this.#etagPath, { force: true });
    } catch (error) {
      throw diskError(error, this.#path);
    }
  }

  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }

  get #etagPath(): string {
    return `${this.#partPath}.etag`;
  }

  get #opened(): FileHandle {
    if (this.#handle === undefined) throw new Error('the file is closed');
    return this.#handle;
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.size;
}
