import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { SottoError } from '#daemon/protocol/errors.js';
import { CATALOGUE, catalogueEntry, unquantizedFormOf } from '#daemon/store/catalogue/index.js';
import { pullModelWithFallback, type PullWithFallbackEvent } from '#daemon/store/download/index.js';
import { findModel, findModelWithFallback, settingFor } from '#daemon/store/find-model.js';
import { noWaitClock, modelFiles, modelsFolder, type ModelsFolder } from '#test/harness/hub-model.js';
import { startLocalHub, type LocalHub } from '#test/harness/local-hub.js';
import { defined } from '#daemon/protocol/defined.js';

let hub: LocalHub;
let folder: ModelsFolder;
let events: PullWithFallbackEvent[];

const quantized = CATALOGUE.find(
  ({ precision, revision }) => precision !== 'float16' && revision === undefined,
);
if (quantized === undefined) throw new Error('the catalogue pins all of its quantized models');
const plain = unquantizedFormOf(quantized);
if (plain === undefined) throw new Error(`${quantized.name} has no float16 form`);

beforeAll(async () => {
  hub = await startLocalHub();
  const { repo, revision } = plain;
  hub.commit(repo, modelFiles(20_000, 'plain'), { ...defined({ commit: revision }) });
});
afterAll(() => hub.close());
beforeEach(() => {
  folder = modelsFolder();
  events = [];
});
afterEach(() => {
  hub.fault = () => undefined;
  folder.remove();
});

function pull(wanted: string, token?: string) {
  return pullModelWithFallback({
    models: folder.models,
    wanted,
    signal: new AbortController().signal,
    settings: { endpoint: hub.endpoint, ...defined({ token }) },
    clock: noWaitClock(),
    onEvent: (event) => void events.push(event),
  });
}

describe('a quantized form that the Hub does not have', () => {
  test.each([
    ['without a token: 401', undefined],
    ['with a token: 404', 'hf_me'],
  ])('is replaced by the float16 form, and reported (%s)', async (_, token) => {
    expect(await pull(quantized.aliases[0] ?? quantized.name, token)).toMatchObject({
      name: plain.name,
      fallbackFor: { name: quantized.name, error: { code: 'QUANTIZED_UNAVAILABLE' } },
    });
    expect(events.filter(({ type }) => type === 'fallback')).toMatchObject([
      { name: plain.name, fallbackFor: { name: quantized.name } },
    ]);
    expect(existsSync(join(folder.models, plain.name, 'weights.safetensors'))).toBe(true);
  });

  test('a missing repository by its own name stays an error', async () => {
    await expect(pull(quantized.repo, 'hf_me')).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
    await expect(pull(quantized.repo)).rejects.toMatchObject({ code: 'DOWNLOAD_DENIED' });
    expect(events.map(({ type }) => type)).not.toContain('fallback');
  });

  test('an explicit revision has no fallback, nor has a Hub that refuses or fails', async () => {
    await expect(pull(`${quantized.name}@v9`, 'hf_me')).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
    hub.fault = ({ kind }) => (kind === 'info' ? { status: 403 } : undefined);
    await expect(pull(quantized.name)).rejects.toMatchObject({ code: 'DOWNLOAD_DENIED' });
    hub.fault = ({ kind }) => (kind === 'info' ? { status: 500 } : undefined);
    await expect(pull(quantized.name)).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED' });
    expect(events.map(({ type }) => type)).not.toContain('fallback');
  });

  test('if the float16 form fails, too, its own error is reported', async () => {
    const [other] = CATALOGUE.filter((entry) => {
      const form = unquantizedFormOf(entry);
      return entry.revision === undefined && form !== undefined && form.name !== plain.name;
    });
    await expect(pull(other?.name ?? '', 'hf_me')).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
    expect(events.map(({ type }) => type)).toContain('fallback');
  });
});

describe('finding a quantized form that is not installed', () => {
  const dirs = () => ({ models: folder.models, bundled: join(folder.models, '..', 'bundled') });

  test('returns the float16 form and says so, if that is installed', () => {
    expect(() => findModelWithFallback(dirs(), quantized.name)).toThrow(SottoError);
    const dir = join(folder.models, plain.name);
    mkdirSync(dir, { recursive: true });
    expect(findModelWithFallback(dirs(), quantized.name)).toMatchObject({
      model: { name: plain.name, dir },
      fallbackFor: { name: quantized.name, error: { code: 'MODEL_NOT_FOUND' } },
    });
    // The model itself is still not installed.
    expect(() => findModel(dirs(), quantized.name)).toThrow(/isn't downloaded/);
    expect(() => findModelWithFallback(dirs(), quantized.repo)).toThrow(/isn't downloaded/);
    mkdirSync(join(folder.models, quantized.name));
    expect(findModelWithFallback(dirs(), quantized.name)).toEqual({
      model: { name: quantized.name, dir: join(folder.models, quantized.name) },
    });
  });

  test('the settings name a model only if its name finds it', () => {
    const dir = join(folder.models, 'mine');
    mkdirSync(dir, { recursive: true });
    expect(settingFor(dirs(), { name: 'mine', dir })).toBe('mine');
    expect(settingFor(dirs(), { name: 'mine', dir: '/elsewhere/mine' })).toBe('/elsewhere/mine');
  });

  test('every quantized model of the catalogue has a float16 form', () => {
    for (const entry of CATALOGUE) {
      const form = unquantizedFormOf(entry);
      expect(form?.precision).toBe(entry.precision === 'float16' ? undefined : 'float16');
      if (form !== undefined) expect(entry.name.startsWith(`${form.name}-`)).toBe(true);
    }
    expect(catalogueEntry('turbo-8bit')).toBeDefined();
  });
});
