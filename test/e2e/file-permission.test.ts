/** Files that the daemon may not open, with real processes: refused by the system, or blocked for a while. */
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from '@jest/globals';
import { Dictation, SottoClient } from '#daemon/client/index.js';
import { commandsUntil } from '#daemon/cli/selftest/system-commands.js';
import { filesStep } from '#daemon/cli/selftest/steps/files-step.js';
import { isListening } from '#daemon/server/probe.js';
import { fakeDaemon, fakeMac, checksOf } from '#test/cli/selftest/fake-mac.js';
import { scriptedTexts, writeFakeAudio, type FakeScript } from '#test/harness/fake-audio.js';
import { withHome } from '#test/harness/with-home.js';
import { fakeEngine, sotto, startSotto } from '#test/harness/run-sotto.js';
import { testUnless } from '#test/harness/skipping.js';
import { until } from '#test/harness/wait.js';
import {
  holdBack,
  makePrivate,
  noLease,
  noSetpriv,
  startWithoutPermission,
} from '#test/harness/without-permission.js';

const home = withHome();
const audio = (name: string, script: Partial<FakeScript> = {}): string =>
  writeFakeAudio(join(home.folder, name), script);
const lines = (segments: number): string =>
  scriptedTexts(segments)
    .map((text) => `${text.trim()}\n`)
    .join('');
/** The fake engine counts its attempts in a file next to each. */
const copies = (): string[] => readdirSync(home.paths.uploads).filter((name) => !name.endsWith('.attempts'));
const transcribe = (path: string) => sotto(['transcribe', path], { home: home.folder, cwd: home.folder });

/** A daemon that may not read the files of another user; the commands of the tests may. */
async function startDaemon() {
  const env = { ...process.env, NODE_OPTIONS: '', SOTTO_HOME: home.folder, SOTTO_ENGINE: fakeEngine };
  const daemon = startWithoutPermission(['daemon', 'run'], env);
  const ended = new Promise<void>((resolve) => daemon.once('exit', () => resolve()));
  await until(() => isListening(home.paths.socket));
  return { kill: () => daemon.kill('SIGKILL'), ended };
}

describe('a file that the daemon may not open', () => {
  testUnless(noSetpriv)('is transcribed like any other, and its copy is removed', async () => {
    await startDaemon();
    const path = audio('private.wav', { segments: 4 });
    makePrivate(path);
    const engineError = await sotto(['transcribe', '--no-daemon', path], { home: home.folder });
    expect(engineError).toMatchObject({ code: 0, stdout: lines(4) });
    expect(await transcribe(path)).toMatchObject({ code: 0, stdout: lines(4), stderr: '' });
    expect(await transcribe(audio('own.wav', { segments: 2 }))).toMatchObject({ code: 0, stdout: lines(2) });
    await until(() => copies().length === 0);
  });

  testUnless(noSetpriv)('leaves no copy when its command is killed', async () => {
    await startDaemon();
    const path = audio('private.wav', { segments: 100_000, delayMs: 5 });
    makePrivate(path);
    const command = startSotto(['transcribe', path], { home: home.folder });
    await until(() => command.stdout().includes('segment 2'));
    expect(copies()).toHaveLength(1);
    command.kill('SIGKILL');
    await until(() => copies().length === 0);
  });

  testUnless(noSetpriv)('is copied again for the next daemon; the first copy is removed', async () => {
    const first = await startDaemon();
    const path = audio('private.wav', { segments: 300, delayMs: 10 });
    makePrivate(path);
    const command = startSotto(['transcribe', path], { home: home.folder });
    await until(() => command.stdout().includes('segment 2'));
    const [copy] = copies();
    first.kill();
    await first.ended;
    expect(await command.done).toMatchObject({ code: 0, stdout: lines(300), stderr: '' });
    expect(copies()).not.toContain(copy);
    await until(() => copies().length === 0);
  });
});

describe('the self-test', () => {
  testUnless(noSetpriv)(
    'names the folders that the daemon may not read, and leaves no file there',
    async () => {
      await startDaemon();
      const [denied, open] = ['Desktop', 'Documents'].map((name) => join(home.folder, name));
      for (const folder of [denied, open]) mkdirSync(folder ?? '');
      makePrivate(denied ?? '', 0o700);
      const run = commandsUntil(new AbortController().signal);
      const checks = await checksOf(
        filesStep,
        fakeMac('/none', home.folder, {
          ...{ run, clip: { file: audio('clip.wav'), text: '' } },
          cleanUp: async ([command, ...args]) => void (await run(command, args)),
          daemon: fakeDaemon({ connect: () => SottoClient.connect(home.paths.socket, 'test') }),
          sleep: (ms) => new Promise((resolve) => setTimeout(resolve, 12 * ms).unref()),
        }),
      );
      expect(checks.map(({ facts }) => facts.access)).toEqual(['denied', 'open', undefined]);
      const left = [denied, open].flatMap((folder) => readdirSync(folder ?? ''));
      expect(left.filter((name) => !name.endsWith('.attempts'))).toEqual([]);
    },
  );
});

describe('a file that does not open for a while', () => {
  testUnless(noLease)('does not hold up others, and is transcribed once it opens', async () => {
    const path = audio('slow.wav', { segments: 4 });
    const release = await holdBack(path);
    const slow = startSotto(['transcribe', path], { home: home.folder });
    await until(() => slow.stderr().includes('waiting'));
    expect(await transcribe(audio('other.wav', { segments: 2 }))).toMatchObject({
      ...{ code: 0, stdout: lines(2), stderr: '' },
    });
    expect(slow.stdout()).toBe('');
    release();
    expect(await slow.done).toMatchObject({
      ...{ code: 0, stdout: lines(4) },
      stderr: `sotto: ${path}: waiting for this file to open…\n`,
    });
    await until(() => copies().length === 0);
  });

  testUnless(noLease)('is cancelled by Ctrl-C at once', async () => {
    const path = audio('slow.wav');
    const release = await holdBack(path);
    const slow = startSotto(['transcribe', path], { home: home.folder });
    await until(() => slow.stderr().includes('waiting'));
    slow.kill('SIGINT');
    expect((await slow.done).code).toBe(130);
    await until(() => copies().length === 0);
    release();
  });
});

describe('a user’s model directory', () => {
  const SLOW = /the model folder .* did not open within 2 s — move it into .*models, or/;

  testUnless(noLease)('that does not open fails its own jobs only, and serves once it opens', async () => {
    const dir = join(home.folder, 'Documents', 'my-model');
    mkdirSync(dir, { recursive: true });
    const config = writeFakeAudio(join(dir, 'config.json'));
    const path = audio('a.wav', { segments: 2 });
    expect((await transcribe(path)).code).toBe(0);
    const release = await holdBack(config);
    const withModel = ['transcribe', '--model', dir, audio('b.wav', { segments: 2 })];
    const slow = startSotto(withModel, { home: home.folder });
    expect(await transcribe(audio('c.wav', { segments: 2 }))).toMatchObject({ code: 0, stdout: lines(2) });
    const failed = await slow.done;
    expect([failed.code, failed.stdout]).toEqual([3, '']);
    expect(failed.stderr).toMatch(SLOW);
    const dictation = Dictation.open({
      connect: () => SottoClient.connect(home.paths.socket, 'test'),
      model: dir,
    });
    const events = [];
    for await (const event of dictation.events()) events.push(event);
    expect(events.at(-1)).toMatchObject({ type: 'failed', error: { code: 'MODEL_UNREADABLE' } });
    const used = await sotto(['models', 'use', dir], { home: home.folder });
    expect([used.code, used.stderr]).toEqual([3, expect.stringMatching(SLOW)]);
    release();
    expect(await sotto(withModel, { home: home.folder })).toMatchObject({ code: 0, stdout: lines(2) });
  });

  testUnless(noSetpriv)('that the daemon may not open is reported as such', async () => {
    await startDaemon();
    const dir = join(home.folder, 'my-model');
    mkdirSync(dir);
    makePrivate(writeFakeAudio(join(dir, 'config.json')));
    const path = audio('a.wav', { segments: 2 });
    const failed = await sotto(['transcribe', '--model', dir, path], { home: home.folder });
    expect([failed.code, failed.stderr]).toEqual([
      3,
      expect.stringMatching(/has no access to the model folder/),
    ]);
    expect((await transcribe(path)).code).toBe(0);
  });
});
