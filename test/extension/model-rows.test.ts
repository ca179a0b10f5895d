import { expect, test } from '@jest/globals';
import type { ModelsList, ModelStatus } from '#daemon/protocol/index.js';
import { describeModule } from './describe-module.js';

interface Row {
  readonly name: string;
  readonly title: string;
  readonly place: string;
  readonly bytes?: number;
  readonly chosenFor: readonly string[];
  readonly isRecommended: boolean;
  readonly recommendedFor: readonly string[];
}
interface ModelRows {
  readonly rowsOf: (list: ModelsList, states: ReadonlyMap<string, ModelStatus>) => Row[];
  readonly isRepository: (text: string) => boolean;
  readonly repositoryName: (repository: string) => string;
}

const entry = (name: string): ModelsList['catalogue'][number] => ({
  name,
  aliases: [],
  title: name.toUpperCase(),
  family: 'whisper',
  repo: `hub/${name}`,
  precision: 'float16',
  parameters: 1e6,
  bytes: 2e6,
  bytesSource: 'published',
  memoryBytes: 1e7,
  languages: ['en'],
  license: 'MIT',
  tasks: ['transcribe'],
  speed: 'fast',
});

const installed = (name: string, more: object = {}): ModelsList['installed'][number] => ({
  name,
  dir: `/models/${name}`,
  bytes: 1e6,
  from: 'hub',
  chosen: false,
  tasks: ['transcribe'],
  languages: ['en'],
  chosenFor: [],
  status: { name, state: 'installed' },
  ...more,
});

const list = (more: Partial<ModelsList>): ModelsList => ({
  do: 'list',
  machine: { memoryBytes: 8e9, hasGpu: true },
  recommended: 'b',
  installed: [],
  partial: [],
  catalogue: [entry('a'), entry('b'), entry('c')],
  ...more,
});

const states = (...all: ModelStatus[]): ReadonlyMap<string, ModelStatus> =>
  new Map(all.map((status) => [status.name ?? '', status]));

await describeModule<ModelRows>('models/model-rows', ({ rowsOf, isRepository, repositoryName }) => {
  const namesAndPlaces = (rows: readonly Row[]): string[] =>
    rows.map(({ name, place }) => `${name} ${place}`);

  test('lists each model once, the recommended one first among the available', () => {
    const rows = rowsOf(list({ installed: [installed('a')] }), new Map());
    expect(namesAndPlaces(rows)).toEqual(['a installed', 'b available', 'c available']);
    expect(rows.map(({ isRecommended }) => isRecommended)).toEqual([false, true, false]);
  });

  test('lists models that suit a language after the recommended one', () => {
    const german = { ...entry('c'), recommendedFor: ['de'] };
    const rows = rowsOf(list({ catalogue: [entry('a'), entry('b'), german] }), new Map());
    expect(rows.map(({ name, recommendedFor }) => [name, recommendedFor])).toEqual([
      ['b', []],
      ['c', ['de']],
      ['a', []],
    ]);
  });

  test('names a quantized model after its catalogue entry', () => {
    const titles = rowsOf(list({ installed: [installed('a-6bit'), installed('z-6bit')] }), new Map()).map(
      ({ title }) => title,
    );
    expect(titles.slice(0, 2)).toEqual(['A, 6 bit', 'z-6bit']);
  });

  test('lists the default model first', () => {
    const rows = rowsOf(
      list({ installed: [installed('a'), installed('z', { chosenFor: ['transcribe'] })] }),
      new Map(),
    );
    expect(rows.slice(0, 2).map(({ name, chosenFor }) => [name, chosenFor])).toEqual([
      ['z', ['transcribe']],
      ['a', []],
    ]);
  });

  test('lists downloads of any client and of any model', () => {
    const rows = rowsOf(
      list({}),
      states(
        { name: 'b', state: 'downloading', fraction: 0.5 },
        { name: 'other', state: 'downloading', fraction: 0.1 },
      ),
    );
    expect(namesAndPlaces(rows)).toEqual([
      'b downloading',
      'other downloading',
      'a available',
      'c available',
    ]);
    expect(rows.map(({ bytes }) => bytes).slice(0, 2)).toEqual([2e6, undefined]);
  });

  test('lists a cancelled download as partial', () => {
    const partial = [
      {
        name: 'c',
        repo: 'hub/c',
        downloadedBytes: 1,
        totalBytes: 9,
        status: { name: 'c', state: 'absent' as const },
      },
    ];
    expect(namesAndPlaces(rowsOf(list({ partial }), new Map()))).toEqual([
      'c partial',
      'b available',
      'a available',
    ]);
  });

  test('keeps an installed model in its place while it is downloaded again', () => {
    const rows = rowsOf(
      list({ installed: [installed('a')] }),
      states({ name: 'a', state: 'downloading', fraction: 0.2 }),
    );
    expect(rows[0]).toMatchObject({ name: 'a', place: 'installed', status: { state: 'downloading' } });
  });

  test('accepts owner/name as a repository', () => {
    expect(['a/b', ' mlx-community/whisper-tiny.en-mlx '].map(isRepository)).toEqual([true, true]);
    expect(['a', 'a/', '/b', 'a/b/c', 'a b/c', ''].map(isRepository)).toEqual(Array(6).fill(false));
    expect(repositoryName('owner/name')).toBe('name');
  });
});
