import { mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Capabilities } from '#daemon/protocol/capabilities.js';
import { ModelDescriptions, type DescribeModels } from '#daemon/store/model-descriptions.js';

const VOICE: Capabilities = { speak: { languages: ['en'], voices: [], sampleRate: 24_000 } };

describe('what installed models can do', () => {
  let folder: string;
  let path: string;
  /** The folders of each request. */
  let requests: string[][];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sotto-descriptions-'));
    path = join(folder, 'model-descriptions.json');
    requests = [];
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const describeAll: DescribeModels = (dirs) => {
    requests.push(dirs.map((dir) => dir.slice(folder.length + 1)));
    return Promise.resolve(
      dirs.map((dir) => (dir.endsWith('voice') ? { family: 'v', capabilities: VOICE } : undefined)),
    );
  };
  const make = (name: string): string => {
    const dir = join(folder, name);
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, 'config.json'), '{}');
    return dir;
  };
  const known = async (descriptions: ModelDescriptions, dirs: string[]) => [
    ...(await descriptions.of(dirs)).values(),
  ];
  const tasks = async (...dirs: string[]) =>
    (await known(new ModelDescriptions(path, describeAll), dirs)).map((model) => model.tasks);

  test('is read once, until the configuration changes', async () => {
    const [voice, other] = [make('voice'), make('other')];
    expect(await tasks(voice, other)).toEqual([['speak'], []]);
    expect(await tasks(voice, other)).toEqual([['speak'], []]);
    // What no family recognizes is read again: a later version may.
    expect(requests).toEqual([['voice', 'other'], ['other']]);
    utimesSync(join(voice, 'config.json'), 1, 1);
    expect(await tasks(voice, other)).toEqual([['speak'], []]);
    expect(requests).toEqual([['voice', 'other'], ['other'], ['voice', 'other']]);
  });

  test('includes languages, also when it is read again', async () => {
    const voice = make('voice');
    for (let time = 0; time < 2; time++) {
      const [model] = await known(new ModelDescriptions(path, describeAll), [voice]);
      expect(model).toMatchObject({ tasks: ['speak'], languages: ['en'] });
    }
    expect(requests).toEqual([['voice']]);
  });

  test('needs no process for a folder without a configuration, and forgets removed models', async () => {
    const voice = make('voice');
    await tasks(voice);
    rmSync(voice, { recursive: true });
    mkdirSync(voice);
    expect(await tasks(voice)).toEqual([[]]);
    await tasks(make('another voice'));
    expect(Object.keys((JSON.parse(readFileSync(path, 'utf8')) as { models: object }).models)).toEqual([
      join(folder, 'another voice'),
    ]);
  });

  test.each([
    '{',
    '[]',
    '{"version":1,"models":{}}',
    '{"version":2}',
    '{"version":2,"models":{"a":null}}',
    '{"version":2,"models":[7]}',
  ])('survives a damaged file: %s', async (text) => {
    writeFileSync(path, text);
    expect(await tasks(make('voice'))).toEqual([['speak']]);
  });

  test('survives a folder that can’t be written', async () => {
    writeFileSync(join(folder, 'file'), '');
    const descriptions = new ModelDescriptions(join(folder, 'file', 'x.json'), describeAll);
    await expect(descriptions.taskFor({ name: 'voice', dir: make('voice') }, undefined)).resolves.toBe(
      'speak',
    );
  });

  test('is unknown while the process that would know can’t run, and not remembered', async () => {
    const voice = make('voice');
    const broken = new ModelDescriptions(path, () => Promise.reject(new Error('no addon')));
    expect(await known(broken, [voice])).toEqual([{ tasks: [], languages: [] }]);
    expect(await tasks(voice)).toEqual([['speak']]);
  });

  test('decides what a model is chosen for', async () => {
    const descriptions = new ModelDescriptions(path, describeAll);
    const voice = { name: 'voice', dir: make('voice') };
    await expect(descriptions.taskFor(voice, 'speak')).resolves.toBe('speak');
    await expect(descriptions.taskFor(voice, 'transcribe')).rejects.toMatchObject({
      code: 'MODEL_UNSUPPORTED',
      message: 'voice is no model that transcribes',
      hint: 'it speaks',
    });
    // The engine says why.
    await expect(descriptions.taskFor({ name: 'other', dir: make('other') }, undefined)).resolves.toBe(
      'transcribe',
    );
  });
});
