import { readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import {
  noWaitClock,
  modelFiles,
  modelsFolder,
  NEEDED,
  noise,
  type ModelsFolder,
} from '#test/harness/hub-model.js';
import { startLocalHub, type Fault, type Hit, type LocalHub } from '#test/harness/local-hub.js';
import { defined } from '#daemon/protocol/defined.js';

const BYTES = 40_000;
const WEIGHTS = 'weights.safetensors';
const content = modelFiles(BYTES);
let hub: LocalHub;
let folder: ModelsFolder;

beforeAll(async () => {
  hub = await startLocalHub();
  hub.commit('someone/model', content);
  hub.commit('someone/private', content, { private: true, readers: ['hf_mine'] });
  hub.commit('someone/gated', content, { gated: 'manual', readers: ['hf_mine'] });
  hub.commit('someone/pickle', { 'config.json': '{}', 'pytorch_model.bin': noise(3000) });
  hub.commit('someone/no-config', { 'model.safetensors': noise(3000) });
});
afterAll(() => hub.close());
beforeEach(() => void (folder = modelsFolder()));
afterEach(() => {
  hub.fault = () => undefined;
  folder.remove();
});

/** A fault in the responses for the weights: in the first ones, or in all. */
function weights(
  fault: Fault,
  { kind = 'cdn', times = 1 }: { kind?: Hit['kind']; times?: number } = {},
): void {
  let left = times;
  hub.fault = (hit) => (hit.kind === kind && hit.path === WEIGHTS && left-- > 0 ? fault : undefined);
}

/** A test with more parameters than its row has values would get a callback instead. */
type Row = [what: string, fault: Fault, options?: Parameters<typeof weights>[1]];
const rows = (all: Row[]): [string, Fault, Parameters<typeof weights>[1]][] =>
  all.map(([what, fault, options]) => [what, fault, options ?? {}]);

function expectWhole(name = 'model'): void {
  expect(folder.files(name)).toEqual(
    Object.fromEntries(NEEDED.map((file) => [file, Buffer.from(content[file] ?? '')])),
  );
}

describe('a refusal of the Hub', () => {
  const { token } = { token: 'hf_other' };
  test.each<[string, string, string | undefined, string, RegExp]>([
    ['a missing repository', 'someone/nothing', undefined, 'DOWNLOAD_DENIED', /no public model/],
    ['a missing one, with a token', 'someone/nothing', token, 'MODEL_NOT_FOUND', /has no someone\/nothing/],
    ['a private one, without a token', 'someone/private', undefined, 'DOWNLOAD_DENIED', /no public model/],
    ['a private one, with another user’s token', 'someone/private', token, 'MODEL_NOT_FOUND', /has no/],
    ['a gated one, without a token', 'someone/gated', undefined, 'DOWNLOAD_DENIED', /restricted/],
    [
      'a gated one that the token may not read',
      'someone/gated',
      token,
      'DOWNLOAD_DENIED',
      /not in the authorized list/,
    ],
    ['a missing revision', 'someone/model@v9', undefined, 'MODEL_NOT_FOUND', /no such revision/],
    ['a missing commit', `someone/model@${'0'.repeat(40)}`, undefined, 'MODEL_NOT_FOUND', /no such revision/],
    [
      'weights that only code can read',
      'someone/pickle',
      undefined,
      'MODEL_UNSUPPORTED',
      /pytorch_model\.bin/,
    ],
    ['a repository that is not a model', 'someone/no-config', undefined, 'MODEL_UNSUPPORTED', /config\.json/],
    ['an invalid name', '../../etc/passwd', undefined, 'MODEL_NOT_FOUND', /unknown model/],
  ])('%s', async (_what, wanted, own, code, message) => {
    const settings = { endpoint: hub.endpoint, ...defined({ token: own }) };
    const failure = folder.pull(hub, wanted, { settings, as: 'x' });
    await expect(failure).rejects.toMatchObject({ code, hint: expect.stringMatching(/.{10}/) as unknown });
    await expect(failure).rejects.toThrow(message);
    expect(folder.exists('x')).toBe(false);
    // Such a response doesn't improve on another try.
    expect(folder.events.filter(({ type }) => type === 'retry')).toEqual([]);
  });
});

describe('a transient failure', () => {
  test.each(
    rows([
      ['the Hub is busy', { status: 503 }, { kind: 'resolve', times: 3 }],
      ['the Hub asks to wait', { status: 429, headers: { 'retry-after': '2' } }, { kind: 'resolve' }],
      ['the store fails', { status: 500, body: '<Error/>' }],
      ['a gateway gives up', { status: 504 }, { times: 3 }],
      ['the connection is cut at once', { cutAfter: 0 }],
      ['the connection is cut at the first byte', { cutAfter: 1 }],
      ['the connection is cut before the last byte', { cutAfter: BYTES - 1 }],
      ['the response ends early without an error', { missing: 10_000 }],
      ['more bytes come than the file has', { extra: 100 }],
      ['a wrong length is declared', { contentLength: BYTES - 5 }],
      ['a byte is wrong', { flip: 20_000 }],
      ['the last byte is wrong', { flip: BYTES - 1 }],
    ]),
  )('%s', async (_what, fault, options) => {
    weights(fault, options);
    await folder.pull(hub, 'someone/model');
    expectWhole();
    expect(folder.events.some(({ type }) => type === 'retry')).toBe(true);
  });

  test.each(
    rows([
      ['a store without ranges', { ignoreRange: true }, { times: 2 }],
      ['a store without ETags', { etag: null }, { times: 9 }],
      ['a store with another ETag each time', { etag: `"${'e'.repeat(32)}"` }],
      ['a store with weak ETags', { etag: 'W/"same"' }, { times: 9 }],
      ['a wrong range', { contentRange: `bytes 0-9/${BYTES}` }],
      ['a range of another file', { contentRange: 'bytes 15000-39999/50000' }],
      ['a store without that range', { status: 416 }],
    ]),
  )('after a cut: %s', async (_what, fault, options) => {
    let isCut = false;
    let left = options?.times ?? 1;
    hub.fault = ({ kind, path }) => {
      if (kind !== 'cdn' || path !== WEIGHTS) return undefined;
      if (isCut) return left-- > 0 ? fault : undefined;
      isCut = true;
      return { missing: BYTES - 15_000 };
    };
    await folder.pull(hub, 'someone/model');
    expectWhole();
  });

  test('a new ETag keeps the existing bytes: the commit identifies the file', async () => {
    const mark = hub.hits.length;
    let isCut = false;
    hub.fault = ({ kind, path }) => {
      if (kind !== 'cdn' || path !== WEIGHTS) return undefined;
      if (isCut) return { etag: '"of another machine"' };
      isCut = true;
      return { missing: BYTES - 15_000 };
    };
    await folder.pull(hub, 'someone/model');
    const requests = hub.hits.slice(mark).filter(({ kind, path }) => kind === 'cdn' && path === WEIGHTS);
    expect(requests.map(({ headers }) => [headers.range, headers['if-range'] !== undefined])).toEqual([
      [undefined, false],
      [`bytes=15000-${BYTES - 1}`, true],
      [`bytes=15000-${BYTES - 1}`, false],
    ]);
    expectWhole();
  });

  test('waits as long as the Hub asks, and reports it', async () => {
    weights({ status: 429, headers: { 'retry-after': '7' } }, { kind: 'resolve' });
    await folder.pull(hub, 'someone/model');
    expect(folder.events).toContainEqual(expect.objectContaining({ type: 'retry', waitMs: 7000 }));
  });

  test('retries the listing, too', async () => {
    hub.fault = ({ kind, nth }) => (kind === 'tree' && nth % 3 !== 2 ? { status: 502 } : undefined);
    await folder.pull(hub, 'someone/model');
    expectWhole();
  });

  test('an expired address is requested again', async () => {
    weights({ expired: true }, { kind: 'resolve' });
    await expect(folder.pull(hub, 'someone/model')).rejects.toMatchObject({ code: 'DOWNLOAD_DENIED' });
    await folder.pull(hub, 'someone/model');
    expectWhole();
  });
});

describe('a permanent failure', () => {
  test.each<[string, Fault, string, Parameters<typeof weights>[1]]>([
    ['a wrong byte each time', { flip: 20_000 }, 'DOWNLOAD_CORRUPT', {}],
    [
      'another hash than listed',
      { declare: { oid: 'f'.repeat(64) } },
      'DOWNLOAD_CORRUPT',
      { kind: 'resolve' },
    ],
    ['another size than listed', { declare: { size: 7 } }, 'DOWNLOAD_CORRUPT', { kind: 'resolve' }],
    ['a Hub that always fails', { status: 500 }, 'DOWNLOAD_FAILED', { kind: 'resolve' }],
    ['a connection that always breaks at the same point', { cutAfter: 0 }, 'DOWNLOAD_FAILED', {}],
    ['a response that is always too long', { extra: 1 }, 'DOWNLOAD_FAILED', {}],
    [
      'a wait of an hour',
      { status: 429, headers: { 'retry-after': '3600' } },
      'DOWNLOAD_FAILED',
      { kind: 'resolve' },
    ],
    [
      'a redirect loop',
      { location: `/someone/model/resolve/main/${WEIGHTS}` },
      'DOWNLOAD_FAILED',
      { kind: 'resolve' },
    ],
    ['a redirect to a file', { location: 'file:///etc/passwd' }, 'DOWNLOAD_DENIED', { kind: 'resolve' }],
    [
      'a redirect with a password',
      { location: 'http://a:b@127.0.0.1/' },
      'DOWNLOAD_DENIED',
      { kind: 'resolve' },
    ],
    ['a redirect to nowhere', { location: 'http://[' }, 'DOWNLOAD_DENIED', { kind: 'resolve' }],
  ])('%s', async (_what, fault, code, options) => {
    weights(fault, { ...options, times: Infinity });
    await expect(folder.pull(hub, 'someone/model')).rejects.toMatchObject({ code });
    expect(folder.exists('model')).toBe(false);
    hub.fault = () => undefined;
    await folder.pull(hub, 'someone/model');
    expectWhole();
  });

  test('a file without ranges that always breaks at its half fails', async () => {
    weights({ ignoreRange: true, cutAfter: BYTES / 2 }, { times: Infinity });
    await expect(folder.pull(hub, 'someone/model')).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED' });
  });

  test.each<[string, string, RegExp]>([
    ['no JSON', '<html>log in to the hotel’s network</html>', /invalid listing/],
    ['no list', '{"error":"?"}', /./],
    ['an invalid entry', '[7]', /isn’t an object/],
    ['a file without a size', '[{"type":"file","path":"config.json","oid":"00"}]', /without a size/],
    ['a negative size', '[{"type":"file","path":"config.json","size":-1,"oid":"00"}]', /without a size/],
    ['a file without a hash', '[{"type":"file","path":"config.json","size":1,"oid":"zz"}]', /without a hash/],
    [
      'a pointer without a hash',
      '[{"type":"file","path":"a","size":1,"oid":"00","lfs":{"size":3}}]',
      /without a hash/,
    ],
  ])('a listing with %s', async (_what, body, message) => {
    const headers = { 'content-type': 'application/json' };
    hub.fault = ({ kind }) => (kind === 'tree' ? { status: 200, headers, body } : undefined);
    const failure = folder.pull(hub, 'someone/model');
    await expect(failure).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED' });
    await expect(failure).rejects.toThrow(message);
  });

  test('an endless listing', async () => {
    const one = JSON.stringify(
      Array.from({ length: 5000 }, () => ({ type: 'directory', path: 'd', size: 0 })),
    );
    const headers = {
      'content-type': 'application/json',
      link: `<${hub.endpoint}/api/models/someone/model/tree/main>; rel="next"`,
    };
    hub.fault = ({ kind }) => (kind === 'tree' ? { status: 200, headers, body: one } : undefined);
    await expect(folder.pull(hub, 'someone/model')).rejects.toThrow(/more than 20000 files/);
  });

  test('an endless response', async () => {
    const body = `[${' '.repeat(40 * 2 ** 20)}]`;
    const headers = { 'content-type': 'application/json' };
    hub.fault = ({ kind }) => (kind === 'tree' ? { status: 200, headers, body } : undefined);
    await expect(folder.pull(hub, 'someone/model')).rejects.toMatchObject({
      code: 'DOWNLOAD_FAILED',
      message: expect.stringContaining('more than 16 MiB at once') as unknown,
    });
  });

  test('no server', async () => {
    const closedHub = await startLocalHub();
    await closedHub.close();
    const settings = { endpoint: closedHub.endpoint };
    await expect(folder.pull(hub, 'someone/model', { settings })).rejects.toMatchObject({
      code: 'DOWNLOAD_FAILED',
      retryable: true,
      message: expect.stringContaining('ECONNREFUSED') as unknown,
    });
  });

  test('a name that does not resolve is tried twice', async () => {
    const settings = { endpoint: 'http://no-such-hub.invalid' };
    await expect(folder.pull(hub, 'someone/model', { settings })).rejects.toMatchObject({
      code: 'DOWNLOAD_FAILED',
      message: "can't reach no-such-hub.invalid",
    });
    expect(folder.events.filter(({ type }) => type === 'retry')).toHaveLength(1);
  });

  test('a link in place of a part is not followed', async () => {
    const victim = join(folder.models, '..', 'victim');
    writeFileSync(victim, 'mine');
    weights({ status: 404 }, { times: 99 });
    await folder.pull(hub, 'someone/model').catch(() => undefined);
    hub.fault = () => undefined;
    const part = join(folder.models, '.downloads', 'model', 'files', `${WEIGHTS}.part`);
    rmSync(part, { force: true });
    symlinkSync(victim, part);
    await expect(folder.pull(hub, 'someone/model')).rejects.toMatchObject({ name: 'SottoError' });
    expect(readFileSync(victim, 'utf8')).toBe('mine');
  });

  test.each([
    [256 * 1024 * 1024 - 1, 'INSUFFICIENT_DISK'],
    [0, 'INSUFFICIENT_DISK'],
  ])('a disk with %i bytes more than the model is too full: some space stays free', async (spare, code) => {
    const bytes = NEEDED.reduce((sum, name) => sum + Buffer.from(content[name] ?? '').length, 0);
    const freeBytes = (): Promise<number> => Promise.resolve(bytes + spare);
    await expect(folder.pull(hub, 'someone/model', { freeBytes })).rejects.toMatchObject({ code });
    const enough = (): Promise<number> => Promise.resolve(bytes + 256 * 1024 * 1024);
    expect((await folder.pull(hub, 'someone/model', { freeBytes: enough })).outcome).toBe('pulled');
  });

  test('names in a listing can’t lead out of the folder', async () => {
    const entry = (path: string): object => ({ type: 'file', path, size: 1, oid: '0'.repeat(40) });
    const names = [
      '../config.json',
      '/etc/passwd',
      'a/../../b.tiktoken',
      '..',
      'C:\\x.tiktoken',
      '.bashrc',
      'LICENSE\u0000',
    ];
    const headers = { 'content-type': 'application/json' };
    hub.fault = ({ kind }) =>
      kind === 'tree' ? { status: 200, headers, body: JSON.stringify(names.map(entry)) } : undefined;
    await expect(folder.pull(hub, 'someone/model')).rejects.toMatchObject({ code: 'MODEL_UNSUPPORTED' });
  });
});

describe('bytes that changed on disk', () => {
  const part = (name: string): string => join(folder.models, '.downloads', 'model', 'files', name);

  /** Weights in the download folder up to this byte, from a cancelled download. */
  async function interrupted(bytes: number): Promise<void> {
    const stop = new AbortController();
    weights({ stallAfter: bytes }, { times: Infinity });
    await expect(
      folder.pull(hub, 'someone/model', {
        signal: stop.signal,
        clock: noWaitClock(),
        onEvent: (event) => {
          if (event.type === 'progress' && event.doneBytes >= bytes) stop.abort();
        },
      }),
    ).rejects.toMatchObject({ code: 'CANCELLED' });
    hub.fault = () => undefined;
  }

  test.each<[string, (path: string) => void]>([
    [
      'a byte of the part is wrong',
      (path) => {
        const bytes = readFileSync(path);
        bytes[777] = (bytes[777] ?? 0) ^ 0x80;
        writeFileSync(path, bytes);
      },
    ],
    [
      'the part ends with zeros, as after a power cut',
      (path) => writeFileSync(path, Buffer.concat([readFileSync(path), Buffer.alloc(3000)])),
    ],
    ['the part is longer than the file', (path) => writeFileSync(path, Buffer.alloc(BYTES + 1))],
    [
      'the part has the length of the file, and nothing else',
      (path) => writeFileSync(path, Buffer.alloc(BYTES)),
    ],
    ['the part is shorter than before', (path) => writeFileSync(path, readFileSync(path).subarray(0, 5))],
  ])('%s', async (_what, spoil) => {
    await interrupted(20_000);
    spoil(part(`${WEIGHTS}.part`));
    await folder.pull(hub, 'someone/model');
    expectWhole();
  });

  test('a complete file has changed', async () => {
    await interrupted(20_000);
    const tokens = part('tokenizer.json');
    writeFileSync(tokens, Buffer.alloc(readFileSync(tokens).length));
    await folder.pull(hub, 'someone/model');
    expectWhole();
  });
});
