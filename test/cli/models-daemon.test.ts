import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { WebSocketServer } from 'ws';
import { main } from '#daemon/cli/main.js';
import { loadLine } from '#daemon/cli/models/model-load-view.js';
import { columnsOf } from '#daemon/cli/terminal/columns.js';
import { styleFor } from '#daemon/cli/terminal/style.js';
import { bundledModels } from '#daemon/paths.js';
import { SottoError } from '#daemon/protocol/errors.js';
import { PROTOCOL_VERSION } from '#daemon/protocol/version.js';
import { placeModel, startModelServer, type ModelServer } from '#test/harness/model-server.js';
import { tempHome, type TempHome } from '#test/harness/temp-home.js';
import { until } from '#test/harness/wait.js';
import { captureOutput } from '#test/harness/capture-output.js';

let home: TempHome;
let daemon: ModelServer;
const written = captureOutput();
const before = { ...process.env };

beforeEach(async () => {
  home = tempHome();
  process.env.SOTTO_HOME = home.folder;
  placeModel(home.paths.models, 'small', 1000);
  placeModel(home.paths.models, 'large', 9000);
  daemon = await startModelServer({
    home,
    socketPath: home.paths.socket,
    modelDirs: { models: home.paths.models, bundled: bundledModels },
  });
  daemon.engine.serving = { name: 'fake', dir: join(home.paths.models, 'fake') };
  daemon.engine.setModels([{ name: 'fake', state: 'ready' }]);
});
afterEach(async () => {
  process.env = { ...before };
  await daemon.end();
  home.remove();
});

const settings = (): unknown => JSON.parse(readFileSync(home.paths.settings, 'utf8'));
const run = (...args: string[]): Promise<number> => main(['models', ...args]);
const requested = (name: string): Promise<void> => until(() => daemon.engine.waiting.includes(name));

describe('sotto models, with a running daemon', () => {
  test('use loads the model and reports when it is the default', async () => {
    const using = run('use', 'large');
    await requested('large');
    expect(settings()).toEqual({ model: 'fake' });
    daemon.engine.loading('large', 0.5);
    daemon.engine.ready('large');
    expect(await using).toBe(0);
    expect(written.stdout).toBe('large is now the default model (loaded in 1.0 s).\n');
    expect(settings()).toEqual({ model: 'large' });
  });

  test('a failed use reports why and changes nothing', async () => {
    const using = run('use', 'large');
    await requested('large');
    daemon.engine.fails('large', new SottoError('MODEL_CORRUPT', 'config.json is cut off'));
    expect(await using).toBe(3);
    expect(written.stderr).toMatch(/^sotto: config\.json is cut off — /);
    expect(settings()).toEqual({ model: 'fake' });
    expect(await run('use', 'huge')).toBe(3);
    expect(daemon.engine.requested).toEqual(['large']);
  });

  test('use of a model that does not fit names its fallback', async () => {
    const using = run('use', 'large');
    await requested('large');
    const error = new SottoError('INSUFFICIENT_MEMORY', 'large needs 9 GB, 4 GB are allowed').toWire();
    daemon.engine.ready('small', { name: 'large', error });
    expect(await using).toBe(0);
    expect(written.stderr).toBe('large needs 9 GB, 4 GB are allowed: using small instead\n');
    expect(written.stdout).toMatch(/^small is now the default model/);
    expect(settings()).toEqual({ model: 'small' });
  });

  test('list and info show loaded models', async () => {
    daemon.engine.loading('large', 0.42);
    expect(await run('list')).toBe(0);
    expect(written.stdout).toMatch(/NAME +SIZE +TASKS +DAEMON +WORDS WRONG +FROM/);
    expect(written.stdout).toMatch(/\* fake +\d+ bytes +ready +– +your own/);
    expect(written.stdout).toMatch(/ {2}large +9 kB +loading 42% +– +your own/);
    expect(written.stdout).toMatch(/ {2}small +1 kB +– +your own/);
    written.stdout = '';
    expect(await run('list', '--json')).toBe(0);
    expect((JSON.parse(written.stdout) as { states: unknown[] }).states).toContainEqual({
      name: 'large',
      state: 'loading',
      fraction: 0.42,
    });
    written.stdout = '';
    expect(await run('info', 'large')).toBe(0);
    expect(written.stdout).toMatch(/^daemon +loading 42%$/m);
  });

  test('remove of the default model loads the included one first', async () => {
    const removing = run('remove', 'fake', '--yes');
    await requested('whisper-base-6bit');
    expect(existsSync(join(home.paths.models, 'fake'))).toBe(true);
    daemon.engine.ready('whisper-base-6bit');
    expect(await removing).toBe(0);
    expect(written.stdout).toMatch(
      /^removed fake .*\nIt was the default; whisper-base-6bit is the default now\./,
    );
    expect(existsSync(join(home.paths.models, 'fake'))).toBe(false);
    expect(settings()).toEqual({});
  });

  test('unload unloads its models', async () => {
    expect(await run('unload')).toBe(0);
    expect(daemon.engine.unloads).toBe(1);
    expect(await run('unload', '--help')).toBe(0);
    await daemon.end();
    written.stdout = '';
    expect(await run('unload')).toBe(0);
    expect(written.stdout).toMatch(/^The daemon isn’t running/);
    // Without a daemon, the choice is saved for the next one.
    expect(await run('use', 'small')).toBe(0);
    expect(written.stdout).toMatch(/small is now the default model\.\n$/);
    expect(settings()).toEqual({ model: 'small' });
  });
});

describe('sotto models, with a daemon without model support', () => {
  test('works as without a daemon, and mentions the restart', async () => {
    await daemon.end();
    const old = createServer();
    const sockets = new WebSocketServer({ server: old });
    sockets.on('connection', (socket) =>
      socket.on('message', (data: Buffer) => {
        const { type, id } = JSON.parse(data.toString()) as { type: string; id?: string };
        const hello = { type: 'hello', protocol: PROTOCOL_VERSION, version: '0.0.9', pid: process.pid };
        const error = new SottoError('PROTOCOL', `unknown message type "${type}"`).toWire();
        socket.send(JSON.stringify(type === 'hello' ? hello : { type: 'error', id, error }));
      }),
    );
    await new Promise<void>((resolve) => old.listen(home.paths.socket, resolve));
    try {
      expect(await run('list')).toBe(0);
      expect(written.stdout).toMatch(/NAME +SIZE +TASKS +WORDS WRONG +FROM/);
      expect(await run('use', 'small')).toBe(0);
      expect(written.stdout).toMatch(/small is now the default model \(restart the daemon to apply\)/);
      expect(settings()).toEqual({ model: 'small' });
      expect(await run('remove', 'large', '--yes')).toBe(0);
      expect(await run('unload')).toBe(3);
    } finally {
      for (const socket of sockets.clients) socket.terminate();
      await new Promise((resolve) => old.close(resolve));
    }
  });
});

describe('on a terminal', () => {
  const style = styleFor(false);

  test('fits the loading of a model into a line', () => {
    expect(loadLine(0.42, 'loading large (base is used meanwhile)…', 80, style)).toBe(
      '━━━━━━━━━━━━────────────────  42%  loading large (base is used meanwhile)…',
    );
    expect(loadLine(undefined, 'warming up…', 40, style)).toBe('warming up…');
    for (let columns = 8; columns < 120; columns++)
      expect(
        columnsOf(loadLine(0.5, 'loading 東京 (base serves meanwhile)…', columns, style)),
      ).toBeLessThanOrEqual(columns);
  });
});
