import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { SottoClient } from '#daemon/client/index.js';
import { scriptedTexts, writeFakeAudio, type FakeScript } from '#test/harness/fake-audio.js';
import { withHome } from '#test/harness/with-home.js';
import { sotto, startSotto, type SottoResult } from '#test/harness/run-sotto.js';
import { isRunning, until } from '#test/harness/wait.js';

const home = withHome();

function audio(name: string, script: Partial<FakeScript> = {}): string {
  return writeFakeAudio(join(home.folder, name), script);
}

function run(args: string[], env: Record<string, string> = {}): Promise<SottoResult> {
  return sotto(args, { home: home.folder, cwd: home.folder, env });
}

function lines(segments: number): string {
  return scriptedTexts(segments)
    .map((text) => `${text.trim()}\n`)
    .join('');
}

async function daemonStatus() {
  const client = await SottoClient.connect(home.paths.socket, 'test');
  const status = await client.status();
  client.close();
  return status;
}

describe.each([
  ['by a daemon', []],
  ['--no-daemon', ['--no-daemon']],
])('sotto transcribe, %s', (_, flags) => {
  test('prints the text and nothing else', async () => {
    const { code, stdout, stderr } = await run([
      'transcribe',
      audio('a.wav', { segments: 3, texts: 5 }),
      ...flags,
    ]);
    expect([code, stdout, stderr]).toEqual([0, lines(3), '']);
  });

  test('continues after a failed file, names it in one line, and exits with 1', async () => {
    const files = [
      audio('a.wav'),
      'missing.wav',
      audio('cut.wav', { segments: 9, failAfter: 2 }),
      audio('b.wav'),
    ];
    writeFileSync(join(home.folder, 'no-sound.wav'), 'text');
    const { code, stdout, stderr } = await run(['transcribe', ...files, 'no-sound.wav', ...flags]);
    expect(code).toBe(1);
    const [a, cut, b] = [files[0], files[2], files[3]];
    expect(stdout).toBe(`==> ${a} <==\n${lines(3)}\n==> ${cut} <==\n${lines(2)}\n==> ${b} <==\n${lines(3)}`);
    expect(stderr.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/^sotto: missing\.wav: .+ — .+$/),
      expect.stringMatching(/^sotto: .*cut\.wav: as the script says — .+$/),
      expect.stringMatching(/^sotto: no-sound\.wav: .+ — .+$/),
    ]);
  });

  test('gives the complete text once when the engine dies meanwhile', async () => {
    const path = audio('a.wav', { segments: 6, delayMs: 5, dieAfter: 3 });
    expect(await run(['transcribe', path, ...flags])).toMatchObject({ code: 0, stdout: lines(6) });
  });

  test('writes a JSON object for each file, on a line of its own', async () => {
    const files = [audio('a.wav'), audio('b.wav', { segments: 0 })];
    const { stdout, code } = await run(['transcribe', ...files, '--format', 'json', ...flags]);
    expect(code).toBe(0);
    const objects = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(objects).toMatchObject([
      { file: files[0], text: 'segment 0 segment 1 segment 2', language: 'en', duration: 3, model: 'fake' },
      { file: files[1], text: '', segments: [] },
    ]);
    expect(Object.keys(objects[0]?.timings ?? {})).toEqual(['load', 'mel', 'encode', 'decode', 'total']);
  });

  test('Ctrl-C stops the work, exits with 130 and leaves the engine idle', async () => {
    const process = startSotto(
      ['transcribe', audio('long.wav', { segments: 100_000, delayMs: 5 }), ...flags],
      {
        home: home.folder,
      },
    );
    await until(() => process.stdout().includes('segment 3'));
    process.kill('SIGINT');
    const { code, stderr } = await process.done;
    expect([code, stderr]).toEqual([130, 'sotto: interrupted\n']);
    if (flags.length === 0) await until(async () => (await daemonStatus()).queue.running === 0);
  });

  test('reports a missing model once, and exits with 3', async () => {
    const { code, stdout, stderr } = await run([
      'transcribe',
      audio('a.wav'),
      audio('b.wav'),
      '--model',
      'none',
      ...flags,
    ]);
    expect([code, stdout]).toEqual([3, '']);
    expect(stderr).toMatch(/^sotto: there is no model named none — installed: fake.*\n$/);
  });

  test('reports why the engine can not start, and exits with 3', async () => {
    const { code, stderr } = await run(['transcribe', audio('a.wav'), ...flags], {
      FAKE_ENGINE: 'cannot-start',
    });
    expect([code, stderr]).toEqual([3, 'sotto: there is no addon — run the set-up\n']);
  });
});

describe('sotto transcribe', () => {
  test('starts a daemon once; concurrent commands share it and its model', async () => {
    const files = [0, 1, 2, 3].map((n) => audio(`${n}.wav`, { segments: 3, delayMs: 10 }));
    const results = await Promise.all(files.map((file) => run(['transcribe', file])));
    expect(results.map(({ code, stdout, stderr }) => [code, stdout, stderr])).toEqual(
      files.map(() => [0, lines(3), '']),
    );
    const status = await daemonStatus();
    expect(status).toMatchObject({ queue: { final: 4 }, engine: { restarts: 0 }, idleExitSeconds: 900 });
    const log = readFileSync(home.paths.log, 'utf8');
    expect(log.match(/"name":"fake","state":"loading"/g)).toHaveLength(1);
    expect(log).not.toContain('segment 0');
  });

  test('continues with a new daemon when the daemon is killed during a file', async () => {
    const process = startSotto(['transcribe', audio('a.wav', { segments: 40, delayMs: 30 })], {
      home: home.folder,
    });
    await until(() => process.stdout().includes('segment 5'));
    const { pid, engine } = await daemonStatus();
    globalThis.process.kill(pid, 'SIGKILL');
    const { code, stdout } = await process.done;
    expect([code, stdout]).toEqual([0, lines(40)]);
    // The old engine has no purpose without its daemon.
    await until(() => engine.pid !== undefined && !isRunning(engine.pid));
  });

  test('--output writes a complete file for each input, and none for a failed one', async () => {
    mkdirSync(join(home.folder, 'x'));
    const files = [audio('a.wav'), audio('a.mp3'), audio('x/b.wav'), audio('bad.wav', { failAfter: 1 })];
    const { code, stdout } = await run(['transcribe', ...files, '--format', 'srt', '--output', 'out/srt']);
    expect([code, stdout]).toEqual([1, '']);
    const folder = join(home.folder, 'out', 'srt');
    expect(readdirSync(folder).sort()).toEqual(['a.mp3.srt', 'a.wav.srt', 'b.srt']);
    expect(readFileSync(join(folder, 'b.srt'), 'utf8')).toMatch(
      /^1\n00:00:00,000 --> 00:00:01,000\nsegment 0\n\n2\n/,
    );
  });

  test('--output reports a place that can not be written', async () => {
    writeFileSync(join(home.folder, 'file'), '');
    const { code, stderr } = await run(['transcribe', audio('a.wav'), '--output', 'file/out']);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^sotto: the output folder file\/out can't be made: part of its path is not a folder — .+\n$/,
    );
  });

  test('exits silently when its reader has left', async () => {
    const script = `"$0" "$1" transcribe "$2" --no-daemon | head -n 2`;
    const { execFileSync } = await import('node:child_process');
    const { launcher, fakeEngine } = await import('#test/harness/run-sotto.js');
    const path = audio('a.wav', { segments: 2_000, textLength: 200 });
    const text = execFileSync('sh', ['-c', script, process.execPath, launcher, path], {
      env: { ...process.env, NODE_OPTIONS: '', SOTTO_HOME: home.folder, SOTTO_ENGINE: fakeEngine },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    expect(text.split('\n')).toHaveLength(3);
  });
});
