import { createServer } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { readRecord } from '#daemon/store/download/index.js';
import { openTransport } from '#daemon/store/download/transport.js';
import {
  noWaitClock,
  modelFiles,
  modelsFolder,
  NEEDED,
  noise,
  type ModelsFolder,
} from '#test/harness/hub-model.js';
import { startLocalHub, type Hit, type LocalHub } from '#test/harness/local-hub.js';
import { sha256 } from '#test/harness/local-hub-repo.js';

const BYTES = 200_000;
let hub: LocalHub;
let folder: ModelsFolder;
let commit: string;
const content = modelFiles(BYTES);

beforeAll(async () => {
  hub = await startLocalHub();
  commit = hub.commit('someone/model', content);
});
afterAll(() => hub.close());
beforeEach(() => void (folder = modelsFolder()));
afterEach(() => {
  hub.fault = () => undefined;
  folder.remove();
});

const wanted = Object.fromEntries(NEEDED.map((name) => [name, Buffer.from(content[name] ?? '')]));
const since = (mark: number): Hit[] => hub.hits.slice(mark);

describe('pulling a model', () => {
  test('downloads only the needed files, and records their source', async () => {
    const mark = hub.hits.length;
    const pulled = await folder.pull(hub, 'someone/model');
    expect(pulled).toMatchObject({ name: 'model', outcome: 'pulled' });
    expect(folder.files('model')).toEqual(wanted);
    const record = readRecord(pulled.dir);
    expect(record).toMatchObject({ repo: 'someone/model', revision: commit });
    expect(record?.files.map(({ name, bytes, sha256: hash }) => [name, bytes, hash]).sort()).toEqual(
      NEEDED.map((name) => [name, wanted[name]?.length, sha256(wanted[name] ?? '')]).sort(),
    );
    // Requests use the commit, so that a push in between changes nothing.
    const requests = since(mark).filter(({ kind }) => kind === 'resolve');
    expect(requests.map(({ path }) => path).sort()).toEqual(NEEDED);
    expect(readdirSync(join(folder.models, '.downloads'))).toEqual([]);
  });

  test('reports the progress up to the last byte, and never backwards', async () => {
    await folder.pull(hub, 'someone/model');
    const total = NEEDED.reduce((sum, name) => sum + (wanted[name]?.length ?? 0), 0);
    const done = folder.events.flatMap((event) =>
      event.type === 'progress' && event.stage === 'downloading' ? [event.doneBytes] : [],
    );
    expect(done).toEqual([...done].sort((a, b) => a - b));
    expect(done.at(-1)).toBe(total);
    expect(folder.events.map(({ type }) => type).slice(0, 2)).toEqual(['resolving', 'found']);
    expect(folder.events.at(-1)).toMatchObject({ stage: 'verifying', doneBytes: total, totalBytes: total });
  });

  test('makes no request for an installed model', async () => {
    await folder.pull(hub, `someone/model@${commit}`);
    const mark = hub.hits.length;
    expect(await folder.pull(hub, `someone/model@${commit}`)).toMatchObject({ outcome: 'up-to-date' });
    expect(since(mark)).toEqual([]);
    expect(await folder.pull(hub, 'someone/model')).toMatchObject({ outcome: 'up-to-date' });
    expect(since(mark).map(({ kind }) => kind)).toEqual(['info', 'tree']);
  });

  test('reads a listing in pages', async () => {
    hub.pageSize = 2;
    const mark = hub.hits.length;
    await folder.pull(hub, 'someone/model');
    hub.pageSize = 1000;
    expect(since(mark).filter(({ kind }) => kind === 'tree').length).toBeGreaterThan(3);
    expect(folder.files('model')).toEqual(wanted);
  });

  test('accepts another name, but not that of another model', async () => {
    mkdirSync(join(folder.models, 'model'), { recursive: true });
    await expect(folder.pull(hub, 'someone/model')).rejects.toMatchObject({ code: 'MODEL_EXISTS' });
    expect(await folder.pull(hub, 'someone/model', { as: 'mine' })).toMatchObject({ name: 'mine' });
    expect(folder.files('mine')).toEqual(wanted);
    for (const as of ['..', '.hidden', 'a/b', '', 'a'.repeat(200), 'a\\b']) {
      await expect(folder.pull(hub, 'someone/model', { as })).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
      });
    }
  });

  test('accepts shards with their index, NumPy weights as a last resort, split vocabularies', async () => {
    const shards = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
    hub.commit('someone/sharded', {
      'config.json': '{}',
      'model.safetensors.index.json': '{}',
      'model.fp32-00001-of-00002.safetensors': noise(2000, 'x'),
      'pytorch_model-00001-of-00002.bin': noise(2000, 'y'),
      [shards[0] ?? '']: noise(3000, '1'),
      [shards[1] ?? '']: noise(3000, '2'),
      'vocab.json': '{}',
      'merges.txt': '',
    });
    await folder.pull(hub, 'someone/sharded');
    expect(Object.keys(folder.files('sharded'))).toEqual(
      ['config.json', 'model.safetensors.index.json', ...shards, 'vocab.json', 'merges.txt'].sort(),
    );
    hub.commit('someone/numpy', { 'config.json': '{}', 'weights.npz': noise(3000) });
    await folder.pull(hub, 'someone/numpy');
    expect(Object.keys(folder.files('numpy'))).toEqual(['config.json', 'weights.npz']);
  });

  test('replaces an older commit at once, and keeps files that both have', async () => {
    const old = modelFiles(50_000, 'old');
    const first = hub.commit('someone/moving', old);
    await folder.pull(hub, 'someone/moving');
    hub.commit('someone/moving', { ...old, 'weights.safetensors': noise(60_000, 'new') });
    expect(await folder.pull(hub, 'someone/moving')).toMatchObject({ outcome: 'updated' });
    expect(folder.files('moving')['weights.safetensors']).toEqual(noise(60_000, 'new'));
    hub.tag('someone/moving', 'v1', first);
    expect(await folder.pull(hub, 'someone/moving@v1')).toMatchObject({ outcome: 'updated' });
    expect(folder.files('moving')['weights.safetensors']).toEqual(noise(50_000, 'old'));
  });

  test('a replacement that was interrupted between its two renames is undone', async () => {
    await folder.pull(hub, 'someone/model');
    const work = join(folder.models, '.downloads', 'model');
    mkdirSync(work, { recursive: true });
    renameSync(join(folder.models, 'model'), join(work, 'old'));
    expect(await folder.pull(hub, 'someone/model')).toMatchObject({ outcome: 'up-to-date' });
    expect(folder.files('model')).toEqual(wanted);
  });

  test('a replacement keeps the user’s files, also if it was interrupted', async () => {
    const old = modelFiles(50_000, 'old');
    hub.commit('someone/noted', old);
    await folder.pull(hub, 'someone/noted');
    const notes = join(folder.models, 'noted', 'notes.txt');
    writeFileSync(notes, 'mine');
    hub.commit('someone/noted', { ...old, 'weights.safetensors': noise(60_000, 'new') });
    expect(await folder.pull(hub, 'someone/noted')).toMatchObject({ outcome: 'updated' });
    expect(readFileSync(notes, 'utf8')).toBe('mine');
    // Killed between the second rename and moving the notes.
    const work = join(folder.models, '.downloads', 'noted');
    cpSync(join(folder.models, 'noted'), join(work, 'old'), { recursive: true });
    rmSync(notes);
    expect(await folder.pull(hub, 'someone/noted')).toMatchObject({ outcome: 'up-to-date' });
    expect(readFileSync(notes, 'utf8')).toBe('mine');
    expect(existsSync(join(work, 'old'))).toBe(false);
  });

  describe('a model with adapters of languages', () => {
    const repo = 'someone/adapters';
    const adapter = (code: string): string => `adapter.${code}.safetensors`;
    const codes = ['deu', 'eng', 'fra', 'ita', 'nld', 'pol', 'por', 'spa', 'ukr'];
    const all = {
      ...modelFiles(BYTES, 'many'),
      ...Object.fromEntries(codes.map((code) => [adapter(code), noise(3000, code)])),
    };
    const fetched = (mark: number): string[] =>
      since(mark)
        .filter(({ kind }) => kind === 'resolve')
        .map(({ path }) => path)
        .sort();
    beforeAll(() => void hub.commit(repo, all));

    test('of another language downloads that adapter alone', async () => {
      await folder.pull(hub, repo, { languages: ['deu'] });
      const weights = join(folder.models, 'adapters', 'weights.safetensors');
      const { ino } = statSync(weights);
      const mark = hub.hits.length;
      const languages = ['fra', 'ukr'];
      expect(await folder.pull(hub, repo, { languages })).toMatchObject({ outcome: 'updated' });
      expect(fetched(mark)).toEqual(languages.map(adapter));
      expect(folder.events.find(({ type }) => type === 'found')).toMatchObject({
        downloadedBytes:
          Object.values(folder.files('adapters')).reduce((sum, { length }) => sum + length, 0) - 6000,
      });
      expect(statSync(weights).ino).toBe(ino);
      expect(Object.keys(folder.files('adapters'))).toEqual(
        [...NEEDED, ...['deu', 'fra', 'ukr'].map(adapter)].sort(),
      );
      expect(readRecord(join(folder.models, 'adapters'))?.files).toHaveLength(NEEDED.length + 3);
    });

    test('downloads a damaged file again, and all files if asked to', async () => {
      await folder.pull(hub, repo, { languages: ['deu'] });
      const weights = join(folder.models, 'adapters', 'weights.safetensors');
      writeFileSync(weights, noise(BYTES, 'damaged'));
      let mark = hub.hits.length;
      await folder.pull(hub, repo, { languages: ['fra'] });
      expect(fetched(mark)).toEqual([adapter('fra'), 'weights.safetensors']);
      expect(readFileSync(weights)).toEqual(all['weights.safetensors']);
      mark = hub.hits.length;
      await folder.pull(hub, repo, { languages: ['fra'], again: true });
      expect(fetched(mark)).toEqual([...NEEDED, adapter('deu'), adapter('fra')].sort());
    });

    test('of a newer commit keeps the files that both have', async () => {
      await folder.pull(hub, repo, { languages: ['deu'] });
      hub.commit(repo, { ...all, [adapter('deu')]: noise(3000, 'newer') });
      const mark = hub.hits.length;
      await folder.pull(hub, repo);
      // The Hub declares no SHA-256 of files in git.
      expect(fetched(mark)).toEqual([adapter('deu'), 'config.json', 'generation_config.json']);
      hub.commit(repo, all);
    });
  });

  test('two at once download it once', async () => {
    const mark = hub.hits.length;
    const [one, two] = await Promise.all([
      folder.pull(hub, 'someone/model'),
      folder.pull(hub, 'someone/model'),
    ]);
    expect([one.outcome, two.outcome].sort()).toEqual(['pulled', 'up-to-date']);
    expect(
      since(mark).filter(({ kind, path }) => kind === 'cdn' && path === 'weights.safetensors'),
    ).toHaveLength(1);
    expect(folder.files('model')).toEqual(wanted);
  });

  test('sends the token to the Hub only, not to redirects', async () => {
    hub.commit('someone/gated', content, { gated: 'auto', readers: ['hf_mine'] });
    const mark = hub.hits.length;
    await folder.pull(hub, 'someone/gated', { settings: { endpoint: hub.endpoint, token: 'hf_mine' } });
    const tokens = since(mark).map(({ kind, headers }) => [kind === 'cdn', headers.authorization]);
    expect(tokens).toContainEqual([true, undefined]);
    for (const [isCdn, token] of tokens) expect(token).toBe(isCdn === true ? undefined : 'Bearer hf_mine');
  });

  test('uses a proxy, but not for hosts in NO_PROXY', async () => {
    const seen: string[] = [];
    const proxy = createServer((_request, response) => response.writeHead(405).end());
    proxy.on('connect', (request, socket) => {
      seen.push(request.url ?? '');
      const [host = '', port = ''] = (request.url ?? '').split(':');
      const through = connect(Number(port), host, () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
        through.pipe(socket).pipe(through);
      });
      for (const end of [socket, through]) end.on('error', () => undefined);
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const settings = { endpoint: hub.endpoint };
    const env = { HTTP_PROXY: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` };
    for (const [vars, count] of [
      [env, 2],
      [{ ...env, NO_PROXY: '127.0.0.1' }, 0],
    ] as const) {
      seen.length = 0;
      const transport = openTransport({ settings, env: vars });
      await folder.pull(hub, 'someone/model', { transport, as: `through-${count}` });
      await transport.close();
      expect(new Set(seen).size).toBe(count);
      expect(folder.files(`through-${count}`)).toEqual(wanted);
    }
    proxy.closeAllConnections();
    await new Promise((resolve) => proxy.close(resolve));
  });

  test('reports a full disk before the first byte, counting existing bytes', async () => {
    const freeBytes = () => Promise.resolve(256 * 1024 * 1024 + 150_000);
    const mark = hub.hits.length;
    await expect(folder.pull(hub, 'someone/model', { freeBytes })).rejects.toMatchObject({
      code: 'INSUFFICIENT_DISK',
      message: expect.stringContaining('205 kB') as unknown,
    });
    expect(since(mark).filter(({ kind }) => kind === 'cdn')).toEqual([]);
    let isCut = false;
    hub.fault = ({ kind, path }) => {
      if (path !== 'weights.safetensors') return undefined;
      if (isCut) return { status: 500 };
      isCut = kind === 'cdn';
      return isCut ? { cutAfter: 100_000 } : undefined;
    };
    await expect(folder.pull(hub, 'someone/model')).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED' });
    hub.fault = () => undefined;
    await folder.pull(hub, 'someone/model', { freeBytes });
    expect(folder.files('model')).toEqual(wanted);
  });

  test('a disk that fills up during the download keeps the data, and the rest follows when there is space', async () => {
    const probe = await open('/dev/null', 'r');
    const handles = Object.getPrototypeOf(probe) as { write: (...args: unknown[]) => Promise<unknown> };
    await probe.close();
    const { write } = handles;
    let left = 3;
    handles.write = function (...args) {
      const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
      return left-- > 0 ? write.apply(this, args) : Promise.reject(full);
    };
    await expect(folder.pull(hub, 'someone/model')).rejects.toMatchObject({
      code: 'INSUFFICIENT_DISK',
      hint: expect.stringContaining('prune') as unknown,
    });
    handles.write = write;
    expect(folder.exists('model')).toBe(false);
    await folder.pull(hub, 'someone/model');
    expect(folder.files('model')).toEqual(wanted);
  });

  test('cancelling keeps the data', async () => {
    const stop = new AbortController();
    hub.fault = ({ kind, path }) =>
      kind === 'cdn' && path === 'weights.safetensors' ? { stallAfter: 90_000 } : undefined;
    const pulled = folder.pull(hub, 'someone/model', {
      signal: stop.signal,
      onEvent: (event) => {
        if (event.type === 'progress' && event.doneBytes > 90_000) stop.abort();
      },
    });
    await expect(pulled).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(folder.exists('model')).toBe(false);
    const part = join(folder.models, '.downloads', 'model', 'files', 'weights.safetensors.part');
    expect(readFileSync(part)).toEqual(noise(BYTES).subarray(0, 90_000));
    hub.fault = () => undefined;
    const mark = hub.hits.length;
    await folder.pull(hub, 'someone/model');
    const found = folder.events.find(({ type }) => type === 'found');
    expect(found).toMatchObject({ downloadedBytes: expect.any(Number) as unknown });
    expect(
      since(mark).find(({ kind, path }) => kind === 'cdn' && path === 'weights.safetensors')?.headers.range,
    ).toBe(`bytes=90000-${BYTES - 1}`);
    expect(folder.files('model')).toEqual(wanted);
  });

  test('a damaged plan or record is ignored', async () => {
    await folder.pull(hub, 'someone/model');
    writeFileSync(
      join(folder.models, 'model', '.sotto-model.json'),
      '{"version":1,"files":[{"name":"../x"}]}',
    );
    await expect(folder.pull(hub, 'someone/model')).rejects.toMatchObject({ code: 'MODEL_EXISTS' });
    const work = join(folder.models, '.downloads', 'other', 'files');
    mkdirSync(work, { recursive: true });
    writeFileSync(join(work, '..', 'plan.json'), '{');
    writeFileSync(join(work, 'weights.safetensors'), noise(BYTES, 'incomplete'));
    await folder.pull(hub, 'someone/model', { as: 'other' });
    expect(folder.files('other')).toEqual(wanted);
  });

  test('a stalled connection is replaced by another one', async () => {
    const files = modelFiles(30_000, 'stalled');
    hub.commit('someone/stalled', files);
    hub.fault = ({ kind, path, headers }) =>
      kind === 'cdn' && path === 'weights.safetensors' && headers.range === undefined
        ? { stallAfter: 1000 }
        : undefined;
    await folder.pull(hub, 'someone/stalled', { clock: noWaitClock(150) });
    expect(folder.files('stalled')['weights.safetensors']).toEqual(files['weights.safetensors']);
    expect(folder.events).toContainEqual(
      expect.objectContaining({ type: 'retry', why: expect.stringContaining('no data') as unknown }),
    );
  });
});
