/**
 * A local model hub over real HTTP that behaves like the real one:
 *
 * - `/api/models/<repo>/revision/<rev>` and `…/tree/<commit>`, pages chained by `Link: <…>; rel="next"`;
 * - `/<repo>/resolve/<rev>/<file>`: a relative redirect (307) to a cache for small files, which are in git, and an
 * absolute one (302) to a second server on another port for large ones. Hash, size and commit are only in the redirect
 * (`X-Linked-Etag`, `X-Linked-Size`, `X-Repo-Commit`); the second server has its own ETags and signed URLs that expire,
 * and refuses tokens;
 * - 401 for a missing or private repository without a token; 403 for a gated one that the token may not read;
 * `X-Error-Code` with each; 429 with `Retry-After` or `RateLimit`.
 *
 * `fault` simulates network failures.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { commitOf, hubFile, sha256, treeEntry, type HubFile, type HubRepo } from './local-hub-repo.js';
import { sendContent, type Fault } from './local-hub-content.js';

export type { Fault } from './local-hub-content.js';

export type Kind = 'info' | 'tree' | 'resolve' | 'cache' | 'cdn';

export interface Hit {
  readonly kind: Kind;
  readonly method: string;
  /** File name, or repository for the API. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Number of earlier hits of this kind on this path. */
  readonly nth: number;
}

interface RepoOptions {
  readonly gated?: HubRepo['gated'];
  readonly private?: boolean;
  readonly readers?: readonly string[];
  /** Commit id as pinned by a catalogue, instead of the computed one. */
  readonly commit?: string;
}

export interface LocalHub {
  readonly endpoint: string;
  readonly cdn: string;
  readonly hits: readonly Hit[];
  /** The fault of a request. */
  fault: (hit: Hit) => Fault | undefined;
  /** Entries per page of the tree. */
  pageSize: number;
  /** Adds a commit, creating the repository if needed; `main` is its newest. @returns its id */
  commit(repo: string, files: Readonly<Record<string, string | Uint8Array>>, options?: RepoOptions): string;
  tag(repo: string, name: string, commit: string): void;
  close(): Promise<void>;
}

/** A year; signed URLs of the real hub last an hour. */
const EXPIRES_IN_S = 31_536_000;

export async function startLocalHub(): Promise<LocalHub> {
  const repos = new Map<string, HubRepo>();
  const hits: Hit[] = [];
  const server = createServer();
  const cdnServer = createServer();
  const [endpoint, cdn] = await Promise.all([listen(server), listen(cdnServer)]);

  const record = (kind: Kind, path: string, { method = '', headers }: IncomingMessage): Fault | undefined => {
    const hit: Hit = {
      kind,
      method,
      path,
      headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value?.toString()])),
      nth: hits.filter((other) => other.kind === kind && other.path === path).length,
    };
    hits.push(hit);
    return hub.fault(hit);
  };

  server.on('request', (request, response) => {
    const url = new URL(request.url ?? '', endpoint);
    const path = decodeURIComponent(url.pathname);
    const [, apiRepo, apiPath] = /^\/api\/models\/([^/]+\/[^/]+)(\/.*)?$/.exec(path) ?? [];
    if (apiRepo !== undefined) return api(request, response, apiRepo, apiPath ?? '', url);
    const [, cacheRepo, commit = '', cacheFile = ''] =
      /^\/api\/resolve-cache\/models\/([^/]+\/[^/]+)\/([0-9a-f]{40})\/(.+)$/.exec(path) ?? [];
    if (cacheRepo !== undefined) return cache(request, response, cacheRepo, commit, cacheFile);
    const [, repo, verb, rev = '', file = ''] =
      /^\/([^/]+\/[^/]+)\/(resolve|raw)\/([^/]+)\/(.+)$/.exec(path) ?? [];
    if (repo !== undefined) return resolve(request, response, repo, verb === 'raw', rev, file);
    return refuse(response, 404, undefined, 'Not Found');
  });
  cdnServer.on('request', (request, response) => {
    const url = new URL(request.url ?? '', cdn);
    const oid = url.pathname.split('/').at(-1) ?? '';
    const file = [...repos.values()]
      .flatMap(({ commits }) => [...commits.values()].flat())
      .find(({ lfs }) => lfs?.oid === oid);
    const fault = record('cdn', file?.path ?? oid, request);
    if (answerFault(response, fault)) return;
    const expires = Number(url.searchParams.get('Expires'));
    const isSigned = url.searchParams.get('Signature') === signature(oid, expires);
    // A store with signed URLs refuses a second kind of authentication.
    if (request.headers.authorization !== undefined) return xml(response, 400, 'InvalidArgument');
    if (!isSigned || expires * 1000 < Date.now() || file === undefined)
      return xml(response, 403, 'AccessDenied');
    sendContent(request, response, file.content, { fault, etag: `"${sha256(`cdn ${oid}`).slice(0, 32)}"` });
  });

  function allowed(request: IncomingMessage, response: ServerResponse, id: string): HubRepo | undefined {
    const repo = repos.get(id);
    const token = request.headers.authorization?.replace(/^Bearer /, '');
    if (repo === undefined || (repo.private && (token === undefined || !repo.readers.includes(token)))) {
      if (token === undefined) refuse(response, 401, 'RepoNotFound', 'Invalid username or password.');
      else refuse(response, 404, 'RepoNotFound', 'Repository not found');
      return undefined;
    }
    return repo;
  }

  /** The file list of a gated repository is public, its files are not. */
  function mayRead(request: IncomingMessage, response: ServerResponse, repo: HubRepo): boolean {
    const token = request.headers.authorization?.replace(/^Bearer /, '');
    if (repo.gated === false || (token !== undefined && repo.readers.includes(token))) return true;
    const why = `Access to model ${repo.id} is restricted`;
    if (token === undefined) {
      refuse(
        response,
        401,
        'GatedRepo',
        `${why}. You must have access to it and be authenticated to access it.`,
      );
    } else {
      refuse(response, 403, 'GatedRepo', `${why} and you are not in the authorized list.`);
    }
    return false;
  }

  function api(request: IncomingMessage, response: ServerResponse, id: string, rest: string, url: URL): void {
    const [, verb, revision = 'main'] = /^\/(revision|tree)\/([^/]+)$/.exec(rest) ?? [];
    if (answerFault(response, record(verb === 'tree' ? 'tree' : 'info', id, request))) return;
    const repo = allowed(request, response, id);
    if (repo === undefined) return;
    const commit = commitFor(repo, revision);
    if (commit === undefined) return refuse(response, 404, 'RevisionNotFound', `Invalid rev id: ${revision}`);
    const files = repo.commits.get(commit) ?? [];
    if (verb !== 'tree') return json(response, info(repo, commit, files, url.searchParams.getAll('expand')));
    const isDeep = url.searchParams.get('recursive') === 'true';
    const entries = isDeep ? files.map(treeEntry) : topEntries(files);
    const from = Number(url.searchParams.get('cursor') ?? 0);
    const to = from + hub.pageSize;
    if (to < entries.length) {
      url.searchParams.set('cursor', String(to));
      response.setHeader('link', `<${url.href}>; rel="next"`);
    }
    json(response, entries.slice(from, to));
  }

  function resolve(
    request: IncomingMessage,
    response: ServerResponse,
    id: string,
    isRaw: boolean,
    revision: string,
    path: string,
  ): void {
    const fault = record('resolve', path, request);
    if (answerFault(response, fault)) return;
    const repo = allowed(request, response, id);
    if (repo === undefined || !mayRead(request, response, repo)) return;
    const commit = commitFor(repo, revision);
    if (commit === undefined) return refuse(response, 404, 'RevisionNotFound', `Invalid rev id: ${revision}`);
    response.setHeader('x-repo-commit', commit);
    const file = repo.commits.get(commit)?.find((one) => one.path === path);
    if (file === undefined) return refuse(response, 404, 'EntryNotFound', 'Entry not found');
    const declared = { ...(file.lfs ?? { oid: file.oid, size: file.content.length }), ...fault?.declare };
    response.setHeader('accept-ranges', 'bytes');
    response.setHeader('x-linked-size', declared.size);
    response.setHeader('x-linked-etag', `"${declared.oid}"`);
    if (isRaw) {
      return sendContent(request, response, Buffer.from(file.pointer ?? file.content), {
        etag: `"${file.oid}"`,
      });
    }
    if (file.lfs === undefined) {
      response.setHeader('etag', `"${file.oid}"`);
      const query = `?etag=${encodeURIComponent(`"${file.oid}"`)}`;
      return redirect(
        response,
        307,
        fault?.location ?? `/api/resolve-cache/models/${id}/${commit}/${path}${query}`,
      );
    }
    response.setHeader('x-xet-hash', sha256(`xet ${file.lfs.oid}`));
    const expires = Math.floor(Date.now() / 1000) + (fault?.expired === true ? -60 : EXPIRES_IN_S);
    const query = `?Expires=${expires}&Signature=${signature(file.lfs.oid, expires)}&Key-Pair-Id=K1`;
    redirect(
      response,
      302,
      fault?.location ?? `${cdn}/xet-bridge/${sha256(id).slice(0, 24)}/${file.lfs.oid}${query}`,
    );
  }

  function cache(
    request: IncomingMessage,
    response: ServerResponse,
    id: string,
    commit: string,
    path: string,
  ): void {
    const fault = record('cache', path, request);
    if (answerFault(response, fault)) return;
    const repo = allowed(request, response, id);
    if (repo === undefined || !mayRead(request, response, repo)) return;
    const file = repo.commits.get(commit)?.find((one) => one.path === path && one.lfs === undefined);
    if (file === undefined) return refuse(response, 404, 'EntryNotFound', 'Entry not found');
    response.setHeader('x-repo-commit', commit);
    sendContent(request, response, file.content, { fault, etag: `"${file.oid}"` });
  }

  const hub: LocalHub = {
    endpoint,
    cdn,
    hits,
    fault: () => undefined,
    pageSize: 1000,
    commit(id, contents, options = {}) {
      const repo: HubRepo = repos.get(id) ?? {
        id,
        gated: options.gated ?? false,
        private: options.private ?? false,
        readers: options.readers ?? [],
        refs: new Map(),
        commits: new Map(),
      };
      repos.set(id, repo);
      const files = Object.entries(contents)
        .map(([path, data]) => hubFile(path, data))
        .sort((a, b) => (a.path < b.path ? -1 : 1));
      const name = options.commit ?? commitOf(files, repo.refs.get('main'));
      repo.commits.set(name, files);
      repo.refs.set('main', name);
      return name;
    },
    tag: (id, name, commit) => void repos.get(id)?.refs.set(name, commit),
    async close() {
      await Promise.all([stop(server), stop(cdnServer)]);
    },
  };
  return hub;
}

function commitFor({ refs, commits }: HubRepo, revision: string): string | undefined {
  return refs.get(revision === 'HEAD' ? 'main' : revision) ?? (commits.has(revision) ? revision : undefined);
}

/** With `expand` the real hub returns only the requested fields. */
function info(
  { id, gated, private: isPrivate }: HubRepo,
  sha: string,
  files: readonly HubFile[],
  expand: readonly string[],
): Record<string, unknown> {
  const all: Record<string, unknown> = {
    sha,
    gated,
    private: isPrivate,
    pipeline_tag: 'automatic-speech-recognition',
    downloads: 1234,
    likes: 5,
    lastModified: '2024-10-01T12:00:00.000Z',
    siblings: files.map(({ path }) => ({ rfilename: path })),
  };
  const keys = expand.length === 0 ? Object.keys(all) : expand;
  return {
    _id: sha256(id).slice(0, 24),
    id,
    ...Object.fromEntries(keys.flatMap((key) => (key in all ? [[key, all[key]]] : []))),
  };
}

function topEntries(files: readonly HubFile[]): Record<string, unknown>[] {
  const folders = new Set(
    files.flatMap(({ path }) => (path.includes('/') ? [path.slice(0, path.indexOf('/'))] : [])),
  );
  return [
    ...[...folders].map((path) => ({ type: 'directory', oid: sha256(path).slice(0, 40), size: 0, path })),
    ...files.filter(({ path }) => !path.includes('/')).map(treeEntry),
  ];
}

function answerFault(response: ServerResponse, fault: Fault | undefined): boolean {
  if (fault?.status === undefined) return false;
  response.writeHead(fault.status, fault.headers);
  response.end(fault.body ?? '');
  return true;
}

function json(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' });
  response.end(JSON.stringify(value));
}

function refuse(response: ServerResponse, status: number, code: string | undefined, message: string): void {
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'x-request-id': 'Root=1-local',
    ...(code !== undefined && { 'x-error-code': code, 'x-error-message': message }),
  });
  response.end(JSON.stringify({ error: message }));
}

function redirect(response: ServerResponse, status: number, to: string): void {
  response.writeHead(status, {
    location: to,
    'content-type': 'text/plain; charset=utf-8',
    vary: 'Origin, Accept',
  });
  response.end(`${status === 302 ? 'Found' : 'Temporary Redirect'}. Redirecting to ${to}`);
}

function xml(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { 'content-type': 'application/xml' });
  response.end(`<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code></Error>`);
}

function signature(oid: string, expires: number): string {
  return sha256(`the key of this store ${oid} ${expires}`).slice(0, 40);
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function stop(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}
