import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { main } from '#daemon/cli/main.js';
import { downloadLine } from '#daemon/cli/models/pull-view.js';
import { listModels } from '#daemon/cli/models/list-installed-models.js';
import { modelTable } from '#daemon/cli/models/model-table.js';
import { columnsOf } from '#daemon/cli/terminal/columns.js';
import { styleFor } from '#daemon/cli/terminal/style.js';
import { CATALOGUE, catalogueEntry, unquantizedFormOf } from '#daemon/store/catalogue/index.js';
import { modelFiles } from '#test/harness/hub-model.js';
import { startLocalHub, type LocalHub } from '#test/harness/local-hub.js';
import { startSotto } from '#test/harness/run-sotto.js';
import { tempHome, type TempHome } from '#test/harness/temp-home.js';
import { until } from '#test/harness/wait.js';
import { captureOutput } from '#test/harness/capture-output.js';
import { starterModel } from '#test/models/model-fixtures.js';
import { defined } from '#daemon/protocol/defined.js';

let hub: LocalHub;
let home: TempHome;
const written = captureOutput();
const before = { ...process.env };

beforeAll(async () => {
  hub = await startLocalHub();
  hub.commit('someone/model', modelFiles(20_000));
});
afterAll(() => hub.close());
beforeEach(() => {
  home = tempHome();
  process.env.SOTTO_HOME = home.folder;
  process.env.HF_ENDPOINT = hub.endpoint;
  process.env.HF_TOKEN = '';
  process.env.NO_PROXY = '127.0.0.1';
});
afterEach(() => {
  hub.fault = () => undefined;
  process.env = { ...before };
  home.remove();
});

const settings = (): unknown => JSON.parse(readFileSync(home.paths.settings, 'utf8'));
const run = (...args: string[]): Promise<number> => main(['models', ...args]);

describe('sotto models', () => {
  test.each([
    [['pull']],
    [['remove']],
    [['use']],
    [['info']],
    [['list', 'extra']],
    [['remove', 'fake']],
    [['pull', 'someone/model', '--as', '../x']],
  ])('wrong usage %j exits with 2', async (args) => {
    expect(await run(...args)).toBe(2);
    expect(written.stderr).toMatch(/^sotto: /);
    expect(home.folder).not.toBe('');
    expect(existsSync(join(home.paths.models, 'fake'))).toBe(true);
  });

  test.each([['list'], ['info'], ['pull'], ['remove'], ['use'], ['prune'], ['verify']])(
    '%s prints help with an example',
    async (command) => {
      expect(await run(command, '--help')).toBe(0);
      expect(written.stdout).toMatch(/Examples:\n {2}sotto models/);
    },
  );

  test('list shows installed, available and recommended models', async () => {
    expect(await run('list', '--all')).toBe(0);
    expect(written.stdout).toMatch(/\* fake .*your own/);
    expect(written.stdout).toMatch(/whisper-base-6bit .*13\.5% +included/);
    expect(written.stdout).toMatch(/whisper-large-v3-turbo +1\.61 GB/);
    // Without a GPU the included model is the best choice.
    expect(written.stdout).toContain('Without a GPU, the included model is the best choice.');
    expect(written.stdout).not.toMatch(/^→ /m);
    written.stdout = '';
    expect(await run('list', '--json')).toBe(0);
    const output = JSON.parse(written.stdout) as Record<string, unknown>;
    expect(output).toMatchObject({ chosen: join(home.paths.models, 'fake'), partial: [] });
    expect(catalogueEntry(String(output.recommended))).toBeDefined();
    expect(output.catalogue).toHaveLength(CATALOGUE.length);
  });

  test('list shows models for a Mac, and the rest with --all', async () => {
    const mac = { memoryBytes: 24e9, hasGpu: true };
    const names = (): string[] => {
      const [, available = ''] = written.stdout.split('Available\n');
      return [...available.matchAll(/^[→ ] (\S+) +~?\d/gm)].map(([, name = '']) => name);
    };
    expect(await listModels(home.paths, { all: false, json: false }, mac)).toBe(0);
    expect(names()).toEqual([
      'whisper-large-v3-turbo',
      'whisper-small',
      'whisper-base',
      'whisper-tiny',
      'parakeet-tdt-0.6b-v3',
      'parakeet-tdt-0.6b-v2',
    ]);
    expect(written.stdout.match(/^→ whisper\S+/gm)).toEqual(['→ whisper-large-v3-turbo']);
    expect(written.stdout).toContain(`${CATALOGUE.length - 6} more: \`sotto models list --all\``);
    expect(written.stdout).toMatch(/Download it: `sotto models pull (large-v3-)?turbo`/);
    written.stdout = '';
    expect(await listModels(home.paths, { all: true, json: false }, mac)).toBe(0);
    expect(names()).toEqual(CATALOGUE.map(({ name }) => name));
    expect(written.stdout).toMatch(/whisper-base-4bit .*16\.9%/);
  });

  test.each([
    ['tiny.eng', 'tiny.en'],
    ['whisper-smal', 'whisper-small'],
    ['turb', 'turbo'],
    ['whisper-base-6bits', 'whisper-base-6bit'],
  ])('a mistyped name gets a suggestion: %s', async (name, meant) => {
    expect(await run('info', name)).toBe(3);
    expect(written.stderr).toContain(`there is no model named ${name} — did you mean ${meant}`);
    expect(written.stderr).toContain('`sotto models list --all` lists all');
  });

  test('a name like no other gets no suggestion', async () => {
    expect(await run('info', 'nope')).toBe(3);
    expect(written.stderr).toMatch(/there is no model named nope — installed: .*whisper-base-6bit; or pass/);
  });

  test('pull downloads a model once and prints plain lines', async () => {
    expect(await run('pull', 'someone/model')).toBe(0);
    expect(written.stdout).toMatch(/^pulled model: 25 kB from someone\/model at [0-9a-f]{8}, verified\n/);
    expect(written.stderr).toMatch(/^looking up someone\/model\nmodel: 4 files, 25 kB from/);
    expect(written.stderr).toMatch(/100% {2}25 kB of 25 kB/);
    written.stdout = '';
    expect(await run('pull', 'someone/model')).toBe(0);
    expect(written.stdout).toMatch(/^model is already downloaded/);
    expect(await run('info', 'someone/model')).toBe(0);
    expect(written.stdout).toMatch(/weights\.safetensors +sha256 [0-9a-f]{64} {2}20 kB/);
  });

  test('pull --quiet prints errors only', async () => {
    expect(await run('pull', 'someone/model', '--quiet', '--as', 'silent')).toBe(0);
    expect([written.stdout, written.stderr]).toEqual(['', '']);
    expect(await run('info', 'silent')).toBe(0);
    expect(await run('pull', 'someone/nothing', '-q')).not.toBe(0);
    expect(written.stderr).toMatch(/^sotto: /);
  });

  test('pull downloads float16 if the Hub lacks the quantized model', async () => {
    const lacking = CATALOGUE.find((entry) => entry.precision !== 'float16' && entry.revision === undefined);
    const plain = lacking === undefined ? undefined : unquantizedFormOf(lacking);
    if (lacking === undefined || plain === undefined) throw new Error('the catalogue pins all');
    hub.commit(plain.repo, modelFiles(20_000), {
      ...defined({ commit: plain.revision }),
    });
    expect(await run('pull', lacking.name)).toBe(0);
    expect(written.stderr).toContain(
      `Hugging Face has no ${lacking.precision} form of ${plain.name}: downloading ${plain.name} instead\n`,
    );
    expect(written.stdout).toContain(`pulled ${plain.name} instead of ${lacking.name}: 25 kB`);
    expect(await run('use', lacking.name)).toBe(0);
    expect(written.stderr).toContain(`${lacking.name} isn't downloaded: using ${plain.name} instead\n`);
    expect(settings()).toMatchObject({ model: plain.name });
  });

  test('use changes only the model in settings.json', async () => {
    await run('pull', 'someone/model');
    writeFileSync(home.paths.settings, '{"model":"fake","history":{"keepDays":3},"of a later version":[1]}');
    expect(await run('use', 'someone/model')).toBe(0);
    expect(settings()).toEqual({ model: 'model', history: { keepDays: 3 }, 'of a later version': [1] });
    expect(await run('use', 'whisper-base-6bit')).toBe(0);
    expect(settings()).toMatchObject({ model: 'whisper-base-6bit' });
    const own = join(home.folder, 'elsewhere');
    mkdirSync(own);
    expect(await run('use', own)).toBe(0);
    expect(settings()).toMatchObject({ model: own });
    expect(await run('use', 'turbo')).toBe(3);
    expect(written.stderr).toContain('download it with `sotto models pull turbo` (1.61 GB)');
    expect(settings()).toMatchObject({ model: own });
  });

  test('list and recommend name the model for English dictation until another one is chosen', async () => {
    writeFileSync(home.paths.settings, '{}');
    expect(await run('list')).toBe(0);
    expect(written.stdout).toMatch(/ {2}moonshine-base-6bit .*included; used for English dictation/);
    expect(written.stdout).toMatch(/\* whisper-base-6bit .*included$/m);
    written.stdout = '';
    const note = 'English dictation uses moonshine-base-6bit until you choose a model';
    expect(await run('recommend')).toBe(0);
    expect(written.stdout).toContain(note);
    written.stdout = '';
    expect(await run('recommend', '--language', 'de')).toBe(0);
    expect(written.stdout).not.toContain(note);
    await run('use', 'whisper-base-6bit');
    written.stdout = '';
    expect([await run('list'), await run('recommend')]).toEqual([0, 0]);
    expect(written.stdout).toMatch(/moonshine-base-6bit .*included$/m);
    expect(written.stdout).not.toContain('English dictation');
  });

  test('use keeps an invalid settings file', async () => {
    writeFileSync(home.paths.settings, '{"model":');
    expect(await run('use', 'whisper-base-6bit')).toBe(2);
    expect(readFileSync(home.paths.settings, 'utf8')).toBe('{"model":');
  });

  test('remove deletes a model, and makes the included one the default if needed', async () => {
    await run('pull', 'someone/model');
    await run('use', 'model');
    expect(await run('remove', 'model', '--yes')).toBe(0);
    expect(existsSync(join(home.paths.models, 'model'))).toBe(false);
    expect(settings()).toEqual({});
    expect(written.stdout).toContain('the included model is the default now');
    expect(await run('remove', 'model', '--yes')).toBe(3);
    for (const included of ['whisper-base-6bit', 'moonshine-base-6bit'])
      expect(await run('remove', included, '--yes')).toBe(2);
    expect(existsSync(starterModel())).toBe(true);
  });

  test('remove keeps files that are not the model’s', async () => {
    await run('pull', 'someone/model');
    const notes = join(home.paths.models, 'model', 'notes.txt');
    writeFileSync(notes, 'mine');
    expect(await run('remove', 'model', '--yes')).toBe(0);
    expect(readdirSync(join(home.paths.models, 'model'))).toEqual(['notes.txt']);
    expect(await run('remove', 'model', '--yes')).toBe(3);
    expect(readFileSync(notes, 'utf8')).toBe('mine');
  });

  test.each([
    ['put there by hand', undefined],
    ['converted here', '{"version":1,"files":["config.json","model.safetensors"]}'],
  ])('remove keeps files that are not the model’s if it was %s', async (_, made) => {
    const folder = join(home.paths.models, 'mine');
    mkdirSync(join(folder, 'clips'), { recursive: true });
    const files = ['config.json', 'model.safetensors', 'notes.txt', join('clips', 'one.wav')];
    for (const name of files) writeFileSync(join(folder, name), name);
    if (made !== undefined) writeFileSync(join(folder, '.sotto-made.json'), made);
    expect(await run('remove', 'mine', '--yes')).toBe(0);
    expect(readdirSync(folder).sort()).toEqual(['clips', 'notes.txt']);
    expect(readFileSync(join(folder, 'clips', 'one.wav'), 'utf8')).toBe(join('clips', 'one.wav'));
  });

  test('prune keeps foreign files of a model whose removal was interrupted', async () => {
    await run('pull', 'someone/model');
    const removed = join(home.paths.models, '.downloads', '.removed-0a1b2c3d');
    mkdirSync(dirname(removed), { recursive: true });
    renameSync(join(home.paths.models, 'model'), removed);
    writeFileSync(join(removed, 'notes.txt'), 'mine');
    expect(await run('prune')).toBe(0);
    expect(readFileSync(join(removed, 'notes.txt'), 'utf8')).toBe('mine');
    rmSync(join(removed, 'notes.txt'));
    expect(await run('prune')).toBe(0);
    expect(existsSync(removed)).toBe(false);
  });

  test('prune deletes unfinished downloads, and with --unused other models', async () => {
    hub.fault = ({ kind, path }) =>
      kind === 'resolve' && path === 'weights.safetensors' ? { status: 403 } : undefined;
    expect(await run('pull', 'someone/model')).toBe(3);
    expect(await run('list')).toBe(0);
    expect(written.stdout).toMatch(/model: 5 kB of 25 kB; resume/);
    hub.fault = () => undefined;
    await run('pull', 'someone/model', '--as', 'second');
    written.stdout = '';
    expect(await run('prune')).toBe(0);
    expect(written.stdout).toMatch(/^removed a partial download of model \(\d kB\)\n/);
    expect(existsSync(join(home.paths.models, 'second'))).toBe(true);
    expect(await run('prune', '--unused')).toBe(2);
    expect(await run('prune', '--unused', '--yes')).toBe(0);
    expect(existsSync(join(home.paths.models, 'second'))).toBe(false);
    // The user's own model is never pruned.
    expect(existsSync(join(home.paths.models, 'fake'))).toBe(true);
    written.stdout = '';
    expect(await run('prune')).toBe(0);
    expect(written.stdout).toBe('nothing to remove\n');
  });

  test('prune removes downloaded files only', async () => {
    hub.fault = ({ kind, path }) =>
      kind === 'resolve' && path === 'weights.safetensors' ? { status: 403 } : undefined;
    expect(await run('pull', 'someone/model')).toBe(3);
    const downloads = join(home.paths.models, '.downloads');
    const others = ['model/notes.txt', 'model/files/mine.txt', 'photos/1.jpg', '.removed-by-me/a.txt'];
    for (const name of others) {
      mkdirSync(dirname(join(downloads, name)), { recursive: true });
      writeFileSync(join(downloads, name), 'mine');
    }
    writeFileSync(join(downloads, 'a-file'), 'mine');
    mkdirSync(join(downloads, '.removed-0a1b2c3d'));
    expect(await run('prune')).toBe(0);
    const left = readdirSync(downloads, { recursive: true, withFileTypes: true });
    const files = left.filter((entry) => entry.isFile() && !entry.name.endsWith('.lock'));
    expect(files.map(({ parentPath, name }) => relative(downloads, join(parentPath, name))).sort()).toEqual(
      [...others, 'a-file'].sort(),
    );
    written.stdout = '';
    expect(await run('prune')).toBe(0);
    expect(written.stdout).toBe('nothing to remove\n');
  });

  test('verify detects a changed byte, and pull --again fixes it', async () => {
    await run('pull', 'someone/model');
    const weights = join(home.paths.models, 'model', 'weights.safetensors');
    const bytes = readFileSync(weights);
    const spoiled = Buffer.from(bytes);
    spoiled[4321] = (spoiled[4321] ?? 0) ^ 1;
    writeFileSync(weights, spoiled);
    expect(await run('verify', 'model')).toBe(3);
    expect(written.stderr).toMatch(
      /weights\.safetensors is changed — `sotto models pull someone\/model@.* --again`/,
    );
    const [, again = ''] = /`sotto models (pull [^`]*)`/.exec(written.stderr) ?? [];
    expect(await run(...again.split(' '))).toBe(0);
    expect(readFileSync(weights).equals(bytes)).toBe(true);
  });

  test('finds a model by its repository', async () => {
    await run('pull', 'someone/model', '--as', 'mine');
    expect(await run('info', 'someone/model')).toBe(0);
    expect(written.stdout).toMatch(/^name +mine$/m);
    expect(await run('info', 'someone/other')).toBe(3);
    expect(written.stderr).toContain('download it with `sotto models pull someone/other`');
  });

  test('Ctrl-C keeps the partial download and explains how to resume', async () => {
    hub.fault = ({ kind, path }) =>
      kind === 'cdn' && path === 'weights.safetensors' ? { stallAfter: 10_000 } : undefined;
    const child = startSotto(['models', 'pull', 'someone/model'], {
      home: home.folder,
      env: { HF_ENDPOINT: hub.endpoint },
    });
    await until(() => child.stderr().includes('60%') || child.stderr().includes('59%'));
    child.kill('SIGINT');
    const { code, stderr } = await child.done;
    expect(code).toBe(130);
    expect(stderr).toMatch(/sotto: stopped at \d+% — resume: `sotto models pull someone\/model`/);
    hub.fault = () => undefined;
    expect(await run('pull', 'someone/model')).toBe(0);
    expect(written.stderr).toMatch(/15 kB already downloaded/);
  });
});

describe('on a terminal', () => {
  const style = styleFor(false);
  const progress = {
    stage: 'downloading',
    doneBytes: 680e6,
    totalBytes: 1.61e9,
    bytesPerSecond: 35e6,
    secondsLeft: 27,
  } as const;

  test('fits the progress of a download into the terminal', () => {
    expect(downloadLine(progress, 90, style)).toBe(
      '━━━━━━━━━━━━────────────────  42%  680 MB of 1.61 GB  35 MB/s  0:27 left',
    );
    expect(downloadLine(progress, 30, style)).toBe(' 42%  680 MB of 1.61 GB');
    for (let columns = 8; columns < 120; columns++) {
      expect(columnsOf(downloadLine(progress, columns, style))).toBeLessThanOrEqual(columns);
    }
  });

  test('aligns a table within the terminal', () => {
    const rows = [
      ['a', '1 MB', 'somewhere'],
      ['long-name', '12 MB', '東京/模型'],
    ];
    expect(modelTable(['NAME', 'SIZE', 'FROM'], rows, undefined, style)).toBe(
      'NAME       SIZE   FROM\na          1 MB   somewhere\nlong-name  12 MB  東京/模型\n',
    );
    for (let columns = 4; columns < 60; columns++) {
      const lines = modelTable(['NAME', 'SIZE', 'FROM'], rows, columns, style).split('\n');
      for (const line of lines) expect(columnsOf(line)).toBeLessThanOrEqual(columns);
    }
  });
});
