/**
 * The inputs of `sotto transcribe`: files, `-`, pipes, URLs. The daemon reads only files, so other inputs are saved to
 * a private file until their text is written.
 */
import { statSync } from 'node:fs';
import { lookup } from 'node:dns/promises';
import { basename, resolve } from 'node:path';
import type { Paths } from '../../paths.js';
import { SottoError } from '../../protocol/errors.js';
import type { ReportAudio } from '../../writers/writer.js';
import { fileNameFromUrl, isUrl } from '../../display-path.js';
import type { TranscribeView } from './transcribe-view.js';

export interface OpenInput {
  /** Absolute path that the daemon reads. */
  readonly path: string;
  /** Removes temporary files. */
  readonly remove: () => Promise<void>;
  /** How a report embeds or links the audio if the file above is temporary. */
  readonly audio?: (folder: string) => Promise<ReportAudio | undefined>;
}

export interface Input {
  /** Display name, and the `file` field in JSON. */
  readonly name: string;
  /** Base of the output name. */
  readonly fileName: string;
  open(view: Pick<TranscribeView, 'waiting'>, signal: AbortSignal): Promise<OpenInput>;
}

/** The same limit as in the API. */
const MAX_BYTES = 4 * 1024 ** 3;
const MAX_FETCH_SECONDS = 2 * 3600;

/** @throws SottoError INVALID_ARGUMENT */
export function inputsOf(args: readonly string[], paths: Paths): Input[] {
  if (args.filter(isStdin).length > 1)
    throw new SottoError('INVALID_ARGUMENT', 'stdin can be read only once', { hint: 'use - once' });
  return args.map((arg) => {
    if (isStdin(arg)) return stdinInput(paths);
    if (isUrl(arg)) return urlInput(arg);
    return isPipe(arg) ? pipeInput(arg, paths) : fileInput(arg);
  });
}

/** Whether it must be saved to a file first. */
export function isStreamed(arg: string): boolean {
  return isStdin(arg) || isUrl(arg) || isPipe(arg);
}

function isStdin(arg: string): boolean {
  return arg === '-' || arg === '/dev/stdin' || arg === '/dev/fd/0';
}

function isPipe(arg: string): boolean {
  try {
    const facts = statSync(arg, { throwIfNoEntry: false });
    return facts?.isFIFO() === true;
  } catch {
    return false;
  }
}

function fileInput(arg: string): Input {
  return {
    name: arg,
    fileName: basename(arg),
    open: () => Promise.resolve({ path: resolve(arg), remove: () => Promise.resolve() }),
  };
}

function stdinInput(paths: Paths): Input {
  return {
    name: 'stdin',
    fileName: 'stdin',
    async open(view, signal) {
      if (process.stdin.isTTY) {
        throw new SottoError('INVALID_ARGUMENT', '- reads audio from a pipe, and stdin is a terminal', {
          hint: 'try: cat talk.mp3 | sotto transcribe -',
        });
      }
      view.waiting('reading stdin');
      const { spoolInput } = await import('./spool-input.js');
      return spoolInput(process.stdin, 'stdin', paths.uploads, signal);
    },
  };
}

function pipeInput(arg: string, paths: Paths): Input {
  return {
    name: arg,
    fileName: basename(arg),
    async open(view, signal) {
      view.waiting(`reading ${arg}`);
      const { openPipe, spoolInput } = await import('./spool-input.js');
      return spoolInput(openPipe(arg, signal), arg, paths.uploads, signal);
    },
  };
}

function urlInput(address: string): Input {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined) throw new SottoError('INVALID_ARGUMENT', `${address} is not a URL`);
  const { protocol, host, pathname, search } = url;
  return {
    // The query of a signed URL is a secret.
    name: `${protocol}//${host}${pathname}${search === '' ? '' : '?…'}`,
    fileName: fileNameFromUrl(address),
    async open(view, signal) {
      view.waiting('connecting…');
      const { fetchAudio, sweepFetched } = await import('../../worker/fetch-audio.js');
      await sweepFetched();
      // Users may fetch from their own network, but a public URL must not redirect there.
      const limits = {
        maxBytes: MAX_BYTES,
        maxSeconds: MAX_FETCH_SECONDS,
        allowPrivate: await isInPrivateNetwork(url),
      };
      try {
        const { path, remove } = await fetchAudio(address, limits, signal, (bytes, ofBytes) =>
          view.waiting(
            `downloading ${megabytes(bytes)}${ofBytes === undefined ? '' : ` of ${megabytes(ofBytes)}`}`,
          ),
        );
        const { embeddedOr } = await import('../../writers/report-audio.js');
        return {
          path,
          remove,
          audio: (folder) => embeddedOr(path, folder, { kind: 'linked', href: url.href }),
        };
      } catch (thrown) {
        throw withHint(SottoError.from(thrown));
      }
    },
  };
}

async function isInPrivateNetwork({ hostname }: URL): Promise<boolean> {
  const { isPrivateNetwork } = await import('../../worker/private-networks.js');
  const host = hostname.replace(/^\[|\]$/g, '');
  const found = await lookup(host, { all: true }).catch(() => []);
  return found.some(({ address }) => isPrivateNetwork(address));
}

/** The fetcher's hints are written for workers. */
function withHint(error: SottoError): SottoError {
  const hint = HINTS[error.code];
  if (hint === undefined) return error;
  return new SottoError(error.code, error.message, { hint, retryable: error.retryable, cause: error });
}

const HINTS: Readonly<Record<string, string>> = {
  AUDIO_FETCH_FAILED: 'check the URL and your connection, then try again',
  AUDIO_NOT_FOUND: 'check the URL',
  AUDIO_REFUSED: 'download it yourself, then transcribe the file',
};

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
