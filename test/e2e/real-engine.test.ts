/**
 * The whole path with nothing faked: the addon, the starter model, real speech. Missing prerequisites (a clone
 * without setup, no starter model) are reported, and the tests with the fake engine still cover the rest.
 */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from '@jest/globals';
import { SottoClient } from '#daemon/client/index.js';
import { errorsIn } from '#daemon/cli/models/word-errors.js';
import { bundledModels, bundledSpeech } from '#daemon/paths.js';
import { findModel } from '#daemon/store/find-model.js';
import { withHome } from '#test/harness/with-home.js';
import { describeWithEngine, jfk, JFK_TEXT } from '#test/harness/real-engine.js';
import { sotto, startSotto, type SottoResult } from '#test/harness/run-sotto.js';
import { stopAll } from '#test/harness/stop-all.js';
import { isRunning, until } from '#test/harness/wait.js';

const short = join(bundledSpeech, 'austen-0880.flac');

const withEngine = describeWithEngine();

const home = withHome();
beforeEach(() => writeFileSync(home.paths.settings, '{}'));

function run(args: string[]): Promise<SottoResult> {
  return sotto(args, { home: home.folder, realEngine: true });
}

async function status() {
  const client = await SottoClient.connect(home.paths.socket, 'test');
  const answer = await client.status();
  client.close();
  return answer;
}

function expectJfk(text: string): void {
  expect(errorsIn(JFK_TEXT, text, 'en').errors).toBeLessThanOrEqual(1);
}

withEngine('the real engine', () => {
  test('transcribes several files with the model loaded once, and reports broken ones', async () => {
    writeFileSync(join(home.folder, 'no-sound.mp3'), 'this is no sound');
    const cut = join(home.folder, 'cut.flac');
    copyFileSync(jfk, cut);
    truncateSync(cut, 2_000);
    const files = [jfk, 'missing.wav', join(home.folder, 'no-sound.mp3'), cut, short];
    const { code, stdout, stderr } = await run(['transcribe', ...files, '--format', 'json']);
    expect(code).toBe(1);
    const objects = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { file: string; text: string });
    const texts = new Map(objects.map(({ file, text }) => [file, text]));
    expectJfk(texts.get(jfk) ?? '');
    expect(texts.get(short)).toMatch(/ill.disposed young man/);
    const failures = stderr.trimEnd().split('\n');
    for (const file of ['missing.wav', join(home.folder, 'no-sound.mp3')]) {
      expect(failures).toContainEqual(expect.stringMatching(new RegExp(`^sotto: ${file}: .+ — .+$`)));
    }
    const loads = readFileSync(home.paths.log, 'utf8').match(/"name":"whisper.*"state":"loading"/g);
    expect(loads).toHaveLength(1);
    expect(await status()).toMatchObject({
      engine: { restarts: 0, model: { state: 'ready', family: 'whisper' } },
    });
  });

  test('gives the same without a daemon, in every field that scripts rely on', async () => {
    const { code, stdout, stderr } = await run(['transcribe', jfk, '--no-daemon', '--format', 'json']);
    expect([code, stderr]).toEqual([0, '']);
    const object = JSON.parse(stdout) as Record<string, unknown>;
    expectJfk(String(object.text));
    expect(object).toMatchObject({
      file: jfk,
      language: 'en',
      model: expect.stringContaining('base') as unknown,
    });
  });

  test('gives the complete text once when the engine is killed meanwhile', async () => {
    const work = startSotto(['transcribe', jfk], { home: home.folder, realEngine: true });
    await until(async () => (await status().catch(() => undefined))?.queue.running === 1);
    let engine: number | undefined;
    await until(async () => {
      const { engine: now } = await status();
      engine = now.pid;
      return now.model.state === 'ready';
    });
    process.kill(engine ?? -1, 'SIGKILL');
    const { code, stdout } = await work.done;
    expect(code).toBe(0);
    expectJfk(stdout);
    expect(stdout.match(/fellow Americans/g)).toHaveLength(1);
    await until(async () => (await status()).engine.restarts === 1);
  });

  test('Ctrl-C exits with 130, frees the engine soon and leaves no process without a daemon', async () => {
    const long = join(bundledSpeech, 'sonnet1.mp3');
    const work = startSotto(['transcribe', long], { home: home.folder, realEngine: true });
    await until(async () => (await status().catch(() => undefined))?.engine.model.state === 'ready');
    work.kill('SIGINT');
    expect(await work.done).toMatchObject({ code: 130 });
    await until(async () => (await status()).queue.running === 0);
    const { engine } = await status();
    expect(engine.restarts).toBe(0);
    await stopAll(home.paths);
    await until(() => !isRunning(engine.pid ?? -1));
  });

  test.each([
    ['a truncated header', (dir: string) => truncateSync(join(dir, weightsOf(dir)), 100)],
    ['truncated weights', (dir: string) => truncateSync(join(dir, weightsOf(dir)), 1_000_000)],
    ['a broken config', (dir: string) => writeFileSync(join(dir, 'config.json'), '{')],
  ])('refuses a model with %s in one line that names it', async (_, spoil) => {
    const dir = join(home.folder, 'spoilt');
    const { dir: starter } = findModel({ models: bundledModels, bundled: bundledModels }, undefined);
    mkdirSync(dir);
    for (const name of readdirSync(starter)) copyFileSync(join(starter, name), join(dir, name));
    spoil(dir);
    const { code, stdout, stderr } = await run(['transcribe', jfk, '--model', dir, '--no-daemon']);
    expect([code, stdout]).toEqual([3, '']);
    expect(stderr).toMatch(/^sotto: .*spoilt.* — .+\n$/);
  });
});

function weightsOf(dir: string): string {
  return readdirSync(dir).find((name) => name.endsWith('.safetensors')) ?? 'weights.safetensors';
}
