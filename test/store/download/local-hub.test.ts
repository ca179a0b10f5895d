import {
  downloadFile,
  fileDownloadInfo,
  fileExists,
  HubApiError,
  listFiles,
  modelInfo,
} from '@huggingface/hub';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { modelFiles, noise } from '#test/harness/hub-model.js';
import { startLocalHub, type LocalHub } from '#test/harness/local-hub.js';
import { gitBlob, sha256 } from '#test/harness/local-hub-repo.js';
import { defined } from '#daemon/protocol/defined.js';

/** The Hub's own library treats the fake hub like the real one. */
let hub: LocalHub;
let commit: string;
const repo = 'someone/model';
const content = modelFiles(20_000);
const weights = noise(20_000);

beforeAll(async () => {
  hub = await startLocalHub();
  commit = hub.commit(repo, content);
  hub.commit('someone/gated', content, { gated: 'auto', readers: ['hf_mine'] });
  hub.commit('someone/private', content, { private: true, readers: ['hf_mine'] });
});
afterAll(() => hub.close());

const at = (path: string, init?: RequestInit): Promise<Response> =>
  fetch(`${hub.endpoint}/${path}`, { redirect: 'manual', ...init });
const thrown = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

describe('the local hub serves the Hub’s own library', () => {
  test('a revision', async () => {
    const request = { name: repo, hubUrl: hub.endpoint, additionalFields: ['sha'] as ['sha'] };
    expect(await modelInfo(request)).toMatchObject({ name: repo, sha: commit, gated: false, private: false });
    expect(await modelInfo({ ...request, revision: commit })).toMatchObject({ sha: commit });
    expect(await thrown(modelInfo({ ...request, revision: 'v9' }))).toMatchObject({ statusCode: 404 });
  });

  test('the files, in pages, with folders', async () => {
    hub.pageSize = 3;
    const deep = await all(listFiles({ repo, hubUrl: hub.endpoint, recursive: true }));
    const top = await all(listFiles({ repo, hubUrl: hub.endpoint }));
    hub.pageSize = 1000;
    expect(deep.map(({ path }) => path).sort()).toEqual(Object.keys(content).sort());
    expect(top.find(({ type }) => type === 'directory')?.path).toBe('onnx');
    const large = deep.find(({ path }) => path === 'weights.safetensors');
    expect(large).toMatchObject({ size: 20_000, lfs: { oid: sha256(weights), size: 20_000 } });
    expect(deep.find(({ path }) => path === 'config.json')?.oid).toBe(gitBlob(content['config.json'] ?? ''));
  });

  test('files: small ones from git, large ones from the store, and the pointer', async () => {
    const of = (path: string, raw = false) =>
      downloadFile({ repo, path, hubUrl: hub.endpoint, xet: false, raw });
    expect(await (await of('config.json'))?.text()).toBe(content['config.json']);
    const large = await (await of('weights.safetensors'))?.arrayBuffer();
    expect(Buffer.from(large ?? new ArrayBuffer(0)).equals(weights)).toBe(true);
    expect(await (await of('weights.safetensors', true))?.text()).toContain(`oid sha256:${sha256(weights)}`);
    expect(await of('nothing.json')).toBeNull();
    expect(await fileExists({ repo, path: 'config.json', hubUrl: hub.endpoint })).toBe(true);
    const responseHeaders = await fileDownloadInfo({
      repo,
      path: 'weights.safetensors',
      hubUrl: hub.endpoint,
    });
    expect(responseHeaders).toMatchObject({ size: 20_000 });
  });

  test.each([
    ['someone/nothing', undefined, 401],
    ['someone/nothing', 'hf_other', 404],
    ['someone/private', undefined, 401],
    ['someone/private', 'hf_other', 404],
    ['someone/gated', undefined, 401],
    ['someone/gated', 'hf_other', 403],
  ])('a refusal of %s to %s with %d', async (name, accessToken, status) => {
    const error = await thrown(
      fileDownloadInfo({
        repo: name,
        path: 'config.json',
        hubUrl: hub.endpoint,
        ...defined({ accessToken }),
      }),
    );
    expect(error).toBeInstanceOf(HubApiError);
    expect(error).toMatchObject({ statusCode: status });
  });
});

describe('over HTTP', () => {
  const file = `${repo}/resolve/main/weights.safetensors`;

  test('hash, size and commit are on the redirect, and not on its target', async () => {
    const first = await at(file, { method: 'HEAD' });
    expect([first.status, first.headers.get('x-repo-commit'), first.headers.get('x-linked-etag')]).toEqual([
      302,
      commit,
      `"${sha256(weights)}"`,
    ]);
    const to = first.headers.get('location') ?? '';
    expect(new URL(to).origin).toBe(hub.cdn);
    const second = await fetch(to, { method: 'HEAD' });
    expect([
      second.status,
      second.headers.get('content-length'),
      second.headers.get('x-linked-etag'),
    ]).toEqual([200, '20000', null]);
    expect(second.headers.get('etag')).not.toContain(sha256(weights));
    const small = await at(`${repo}/resolve/main/config.json`);
    expect([small.status, small.headers.get('location')?.startsWith('/api/resolve-cache/')]).toEqual([
      307,
      true,
    ]);
  });

  test('ranges of a file, by its ETag or not', async () => {
    const to = (await at(file)).headers.get('location') ?? '';
    const etag = (await fetch(to)).headers.get('etag') ?? '';
    const request = async (headers: Record<string, string>) => {
      const { status, headers: responseHeaders } = await fetch(to, { headers });
      return [status, responseHeaders.get('content-range')];
    };
    expect(await request({ range: 'bytes=5-9' })).toEqual([206, 'bytes 5-9/20000']);
    expect(await request({ range: 'bytes=19999-' })).toEqual([206, 'bytes 19999-19999/20000']);
    expect(await request({ range: 'bytes=20000-' })).toEqual([416, 'bytes */20000']);
    expect(await request({ range: 'bytes=5-9', 'if-range': etag })).toEqual([206, 'bytes 5-9/20000']);
    expect(await request({ range: 'bytes=5-9', 'if-range': '"other"' })).toEqual([200, null]);
  });

  test('a changed address of the store, or a token sent along, gets nothing', async () => {
    const to = (await at(file)).headers.get('location') ?? '';
    expect((await fetch(to.replace(/Signature=./, 'Signature=x'))).status).toBe(403);
    expect((await fetch(to, { headers: { authorization: 'Bearer hf_mine' } })).status).toBe(400);
  });

  test('errors have a code', async () => {
    const code = async (path: string) => (await at(path)).headers.get('x-error-code');
    expect(await code('someone/nothing/resolve/main/a')).toBe('RepoNotFound');
    expect(await code(`${repo}/resolve/v9/config.json`)).toBe('RevisionNotFound');
    expect(await code(`${repo}/resolve/main/nothing`)).toBe('EntryNotFound');
    expect(await code('someone/gated/resolve/main/config.json')).toBe('GatedRepo');
  });
});
