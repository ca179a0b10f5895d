/** Fetches a model's metadata from the Hub: the commit of a revision, and its files. */
import { HubApiError, listFiles, modelInfo } from '@huggingface/hub';
import { messageOf, SottoError } from '../../protocol/errors.js';
import type { HubSettings } from './hub-settings.js';
import { isSafeName } from './safe-path.js';
import type { Transport } from './transport.js';
import { responseError, networkError, type TransientError } from './download-errors.js';
import { selectFiles, type RemoteFile } from './select-files.js';
import { defined } from '../../protocol/defined.js';

export interface RemoteModel {
  readonly repo: string;
  /** A commit, so that the files can't change during the download. */
  readonly commit: string;
  /** The required files, smallest first. */
  readonly files: readonly RemoteFile[];
  readonly bytes: number;
}

/** More entries than any model has: stops an endless listing. */
const MAX_ENTRIES = 20_000;
const COMMIT = /^[0-9a-f]{40}$/;
/** Of one response. Listings come in pages of a thousand files. */
const MAX_RESPONSE_BYTES = 16 * 2 ** 20;
const METADATA_TIMEOUT_MS = 60_000;

/** @throws SottoError; TransientError if another try may succeed */
export async function fetchRemoteModel(
  source: { readonly repo: string; readonly revision?: string; readonly languages?: readonly string[] },
  { endpoint }: HubSettings,
  transport: Transport,
  signal: AbortSignal,
): Promise<RemoteModel> {
  const { repo, revision, languages } = source;
  const what = revision === undefined ? repo : `${repo}@${revision}`;
  let failure: TransientError | SottoError | undefined;
  // The library's requests go over our transport, which handles proxy, token and redirects.
  const hubFetch: typeof fetch = async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const timeLimit = AbortSignal.any([signal, AbortSignal.timeout(METADATA_TIMEOUT_MS)]);
    const response = await transport.get(url, { headers: headersOf(init), signal: timeLimit });
    if (!response.ok) {
      failure = responseError(response, what);
      await response.body?.cancel();
      throw failure;
    }
    return limited(
      response,
      () => (failure = malformedListing(what, `more than ${MAX_RESPONSE_BYTES / 2 ** 20} MiB at once`)),
    );
  };
  const shared = { hubUrl: endpoint, fetch: hubFetch };
  try {
    const commit =
      revision !== undefined && COMMIT.test(revision)
        ? revision
        : (
            await modelInfo({
              name: repo,
              ...shared,
              additionalFields: ['sha'],
              ...defined({ revision }),
            })
          ).sha;
    if (typeof commit !== 'string' || !COMMIT.test(commit)) throw malformedListing(what, 'no commit');
    const files: RemoteFile[] = [];
    let entries = 0;
    for await (const entry of listFiles({
      repo: { type: 'model', name: repo },
      revision: commit,
      ...shared,
    })) {
      if (++entries > MAX_ENTRIES) throw malformedListing(what, `more than ${MAX_ENTRIES} files`);
      const file = fileFrom(entry, what);
      if (file !== undefined) files.push(file);
    }
    const wanted = selectFiles(files, repo, languages).sort((a, b) => a.bytes - b.bytes);
    return { repo, commit, files: wanted, bytes: wanted.reduce((sum, { bytes }) => sum + bytes, 0) };
  } catch (error) {
    if (failure !== undefined) throw failure;
    if (error instanceof SottoError) throw error;
    if (error instanceof HubApiError || isSyntaxError(error) || error instanceof TypeError) {
      // Invalid JSON: a proxy's page, or a truncated response.
      const cause = networkError(error, what);
      if (isSyntaxError(error)) throw malformedListing(what, messageOf(error));
      throw cause;
    }
    throw networkError(error, what);
  }
}

/** Undefined for entries that aren't files of a model. Everything that the Hub sends is validated. */
function fileFrom(entry: unknown, what: string): RemoteFile | undefined {
  if (typeof entry !== 'object' || entry === null)
    throw malformedListing(what, 'an entry that isn’t an object');
  const { type, path, size, oid, lfs } = entry as Readonly<Record<string, unknown>>;
  if (type !== 'file') return undefined;
  if (typeof path !== 'string') throw malformedListing(what, 'a file without a name');
  // Files in folders belong to other formats; the required ones are at the top level.
  if (path.includes('/') || !isSafeName(path)) return undefined;
  const large =
    typeof lfs === 'object' && lfs !== null ? (lfs as Readonly<Record<string, unknown>>) : undefined;
  const bytes = large?.size ?? size;
  if (typeof bytes !== 'number' || !Number.isSafeInteger(bytes) || bytes < 0)
    throw malformedListing(what, `${path} without a size`);
  if (large !== undefined) {
    const sha256 = typeof large.oid === 'string' ? large.oid.replace(/^sha256:/, '') : '';
    if (!/^[0-9a-f]{64}$/.test(sha256)) throw malformedListing(what, `${path} without a hash`);
    return { name: path, bytes, sha256 };
  }
  if (typeof oid !== 'string' || !/^[0-9a-f]{40}$/.test(oid))
    throw malformedListing(what, `${path} without a hash`);
  return { name: path, bytes, gitBlob: oid };
}

/** By name: the JSON parser belongs to another realm, with error classes of its own. */
function isSyntaxError(error: unknown): boolean {
  return error instanceof Error ? error.name === 'SyntaxError' : String(error).startsWith('SyntaxError');
}

/** A response whose body fails above the limit. */
function limited(response: Response, tooLong: () => Error): Response {
  let bytes = 0;
  const counter = new TransformStream<Uint8Array, Uint8Array>({
    transform: (piece, controller) => {
      bytes += piece.length;
      if (bytes > MAX_RESPONSE_BYTES) controller.error(tooLong());
      else controller.enqueue(piece);
    },
  });
  const { headers, status } = response;
  return new Response(response.body?.pipeThrough(counter), { headers, status });
}

function malformedListing(what: string, found: string): SottoError {
  return new SottoError('DOWNLOAD_FAILED', `invalid listing of ${what} from Hugging Face: ${found}`, {
    hint: 'check that HF_ENDPOINT is a Hugging Face server',
  });
}

function headersOf(init: RequestInit | undefined): Record<string, string> {
  const headers: Record<string, string> = {};
  new Headers(init?.headers).forEach((value, name) => {
    // The transport adds the token, because it knows the final host.
    if (name !== 'authorization') headers[name] = value;
  });
  return headers;
}
