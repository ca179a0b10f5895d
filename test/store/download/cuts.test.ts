import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { modelFiles, modelsFolder, noise, type ModelsFolder } from '#test/harness/hub-model.js';
import { startLocalHub, type LocalHub } from '#test/harness/local-hub.js';
import { startSotto, type SottoProcess } from '#test/harness/run-sotto.js';
import { until } from '#test/harness/wait.js';

const WEIGHTS = 'weights.safetensors';
let hub: LocalHub;
let folder: ModelsFolder;

beforeAll(async () => void (hub = await startLocalHub()));
afterAll(() => hub.close());
beforeEach(() => void (folder = modelsFolder()));
afterEach(() => {
  hub.fault = () => undefined;
  folder.remove();
});

describe('an interrupted download', () => {
  const BYTES = 20_011;
  const content = modelFiles(BYTES);
  beforeAll(() => void hub.commit('someone/model', content));

  test('resumes in the same try after a cut at each 1 %', async () => {
    for (let percent = 1; percent < 100; percent++) {
      const at = Math.round((BYTES * percent) / 100);
      const mark = hub.hits.length;
      let isCut = false;
      hub.fault = ({ kind, path }) => {
        if (isCut || kind !== 'cdn' || path !== WEIGHTS) return undefined;
        isCut = true;
        return { cutAfter: at };
      };
      await folder.pull(hub, 'someone/model', { as: `m${percent}` });
      expect(folder.files(`m${percent}`)[WEIGHTS]?.equals(noise(BYTES))).toBe(true);
      const ranges = hub.hits.slice(mark).filter(({ kind, path }) => kind === 'cdn' && path === WEIGHTS);
      const next = /^bytes=(\d+)-/.exec(ranges[1]?.headers.range ?? '')?.[1];
      // Data that the kernel had not delivered yet is lost with the connection.
      expect(Number(next ?? 0)).toBeLessThanOrEqual(at);
    }
  });

  test('is never a model after a cut at each 1 %, and resumes in the next try', async () => {
    for (let percent = 1; percent < 100; percent++) {
      const at = Math.round((BYTES * percent) / 100);
      const name = `m${percent}`;
      const stop = new AbortController();
      hub.fault = ({ kind, path }) => (kind === 'cdn' && path === WEIGHTS ? { stallAfter: at } : undefined);
      const part = join(folder.models, '.downloads', name, 'files', `${WEIGHTS}.part`);
      const pulled = folder.pull(hub, 'someone/model', {
        as: name,
        signal: stop.signal,
        onEvent: () => {
          if (statSync(part, { throwIfNoEntry: false })?.size === at) stop.abort();
        },
      });
      await expect(pulled).rejects.toMatchObject({ code: 'CANCELLED' });
      expect(folder.exists(name)).toBe(false);
      hub.fault = () => undefined;
      const mark = hub.hits.length;
      await folder.pull(hub, 'someone/model', { as: name });
      expect(folder.files(name)[WEIGHTS]?.equals(noise(BYTES))).toBe(true);
      const [request] = hub.hits.slice(mark).filter(({ kind, path }) => kind === 'cdn' && path === WEIGHTS);
      expect(request?.headers.range).toBe(`bytes=${at}-${BYTES - 1}`);
    }
  });
});

describe('a process that is killed during a download', () => {
  const BYTES = 3_000_000;
  beforeAll(() => void hub.commit('someone/large', modelFiles(BYTES)));
  const home = (): string => join(folder.models, '..');
  const env = (): Record<string, string> => ({
    HF_ENDPOINT: hub.endpoint,
    HF_TOKEN: '',
    NO_PROXY: '127.0.0.1',
  });
  const part = (): string => join(folder.models, '.downloads', 'large', 'files', `${WEIGHTS}.part`);
  const pulling = (): SottoProcess =>
    startSotto(['models', 'pull', 'someone/large'], { home: home(), env: env() });

  test('leaves no model, and the next process resumes', async () => {
    let upTo = 500_000;
    hub.fault = ({ kind, path }) =>
      kind === 'cdn' && path === WEIGHTS ? { stallAfter: 500_000 } : undefined;
    for (let kills = 0; kills < 3; kills++) {
      const child = pulling();
      await until(() => statSync(part(), { throwIfNoEntry: false })?.size === upTo);
      child.kill('SIGKILL');
      expect((await child.done).signal).toBe('SIGKILL');
      expect(folder.exists('large')).toBe(false);
      expect(readFileSync(part()).equals(noise(BYTES).subarray(0, upTo))).toBe(true);
      upTo += 500_000;
    }
    hub.fault = () => undefined;
    const mark = hub.hits.length;
    const { code, stderr } = await pulling().done;
    expect([code, stderr]).toEqual([0, expect.any(String)]);
    const [request] = hub.hits.slice(mark).filter(({ kind, path }) => kind === 'cdn' && path === WEIGHTS);
    expect(request?.headers.range).toBe(`bytes=1500000-${BYTES - 1}`);
    expect(folder.files('large')[WEIGHTS]?.equals(noise(BYTES))).toBe(true);
  });

  test('two processes download it once', async () => {
    const mark = hub.hits.length;
    const both = await Promise.all([pulling().done, pulling().done]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(hub.hits.slice(mark).filter(({ kind, path }) => kind === 'cdn' && path === WEIGHTS)).toHaveLength(
      1,
    );
    expect(folder.files('large')[WEIGHTS]?.equals(noise(BYTES))).toBe(true);
  });
});
