/**
 * Models that change under a daemon with the real engine: a copy of the starter model under another name is enough.
 */
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { SottoClient } from '#daemon/client/index.js';
import { errorsIn } from '#daemon/cli/models/word-errors.js';
import { bundledModels } from '#daemon/paths.js';
import { findModel } from '#daemon/store/find-model.js';
import { withHome } from '#test/harness/with-home.js';
import { describeWithEngine, jfk, JFK_TEXT } from '#test/harness/real-engine.js';
import { sotto, startSotto, type SottoResult } from '#test/harness/run-sotto.js';
import { until } from '#test/harness/wait.js';

const withEngine = describeWithEngine();

const home = withHome();
let client: SottoClient | undefined;
beforeEach(() => {
  writeFileSync(home.paths.settings, '{}');
  const { dir } = findModel({ models: bundledModels, bundled: bundledModels }, undefined);
  cpSync(dir, join(home.paths.models, 'another'), { recursive: true });
});
afterEach(() => {
  client?.close();
  client = undefined;
});

function run(...args: string[]): Promise<SottoResult> {
  return sotto(args, { home: home.folder, realEngine: true });
}

async function start(settings: object = {}): Promise<SottoClient> {
  writeFileSync(home.paths.settings, JSON.stringify(settings));
  await run('daemon', 'start');
  return (client = await SottoClient.connect(home.paths.socket, 'test'));
}

const isRight = (text: string): boolean => errorsIn(JFK_TEXT, text, 'en').errors <= 2;

withEngine('models of a running daemon', () => {
  test('can be switched during a dictation: no word is lost, and the next one uses the new model', async () => {
    const { models, status } = await bound(start({ model: 'whisper-base-6bit' }));
    const speaking = startSotto(['dictate', '--from', jfk, '--events'], {
      home: home.folder,
      realEngine: true,
    });
    await until(() => speaking.stdout().includes('"committed"'));
    const { result } = models.use('another');
    expect(await result).toMatchObject({ model: { name: 'another', state: 'ready' } });
    // The running dictation keeps its model.
    const names = (await status()).engine.models?.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['another', expect.stringMatching(/^whisper/)]));
    const { code, stdout } = await speaking.done;
    const final = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as { type: string; text: string };
    expect([code, final.type, isRight(final.text)]).toEqual([0, 'final', true]);
    await until(async () => (await status()).engine.models?.length === 1);
    const next = await run('transcribe', jfk, '--format', 'json');
    const { text, model } = JSON.parse(next.stdout) as { text: string; model: string };
    expect([isRight(text), model]).toEqual([true, 'another']);
    // It is the default from now on, also after a restart.
    expect(JSON.parse(readFileSync(home.paths.settings, 'utf8'))).toEqual({ model: 'another' });
  });

  test('are loaded again on demand after an unload', async () => {
    const { models, status } = await bound(start());
    await models.unload();
    // A model that is still loading frees its arrays once its load is cancelled.
    await until(async () => {
      const { models: left, figures } = (await status()).engine;
      return left?.length === 0 && figures?.liveArrays === 0 && figures.activeBytes === 0;
    });
    const { code, stdout } = await run('dictate', '--from', jfk, '--fast');
    expect([code, isRight(stdout)]).toEqual([0, true]);
  });

  test('a missing default model is reported until another one is chosen; dictations work meanwhile', async () => {
    const { models, status } = await bound(start({ model: 'gone' }));
    expect(await status()).toMatchObject({
      state: 'degraded',
      reason: expect.stringContaining('there is no model named gone') as unknown,
    });
    const { code, stdout } = await run('dictate', '--from', jfk, '--fast');
    expect([code, isRight(stdout)]).toEqual([0, true]);
    expect(await run('transcribe', jfk)).toMatchObject({ code: 3 });
    await models.use('another').result;
    const after = await status();
    expect([after.state, after.reason]).toEqual(['ready', undefined]);
  });

  test('a model beyond the memory limit is refused, with what would fit in the status and the error', async () => {
    const { status } = await bound(start({ model: 'another', memory: { maxBytes: 1e6 } }));
    const { engine, reason } = await status();
    expect(engine.model).toMatchObject({ state: 'failed', error: { code: 'INSUFFICIENT_MEMORY' } });
    expect(reason).toMatch(/another needs \d+ MB, but models may use 1 MB here — /);
    const { code, stderr } = await run('transcribe', jfk);
    expect(code).toBe(3);
    expect(stderr).toMatch(
      /needs \d+ MB, but models may use 1 MB here — `memory\.maxBytes` in settings\.json allows more/,
    );
  });
});

/** The methods of a client that can be used unbound. */
async function bound(starting: Promise<SottoClient>): Promise<Pick<SottoClient, 'models' | 'status'>> {
  const started = await starting;
  return { models: started.models, status: () => started.status() };
}
