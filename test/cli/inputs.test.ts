/** `sotto transcribe` of stdin, pipes and URLs, in real processes. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { sweepUploads } from '#daemon/upload.js';
import { withHome } from '#test/harness/with-home.js';
import { fakeEngine, launcher, sotto, type SottoResult } from '#test/harness/run-sotto.js';
import { until } from '#test/harness/wait.js';

const home = withHome();
const at = (name: string): string => join(home.folder, name);
const SOUND = JSON.stringify({ segments: 2 });
const TEXT = 'segment 0\nsegment 1\n';

/** Runs a shell, for its pipes; `sotto` is a command there. */
function shell(script: string): Promise<SottoResult> {
  const functions = `sotto() { "${process.execPath}" "${launcher}" "$@"; }; `;
  const child = spawn('bash', ['-c', functions + script], {
    cwd: home.folder,
    env: {
      ...process.env,
      NO_COLOR: '1',
      NODE_OPTIONS: '',
      SOTTO_HOME: home.folder,
      SOTTO_ENGINE: fakeEngine,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((resolve) =>
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr })),
  );
}

function uploads(): string[] {
  const { uploads } = home.paths;
  // Ignores the fake engine's attempt counters.
  return existsSync(uploads) ? readdirSync(uploads).filter((name) => !name.endsWith('.attempts')) : [];
}

describe('stdin and pipes', () => {
  test.each([
    ['cat a.wav | sotto transcribe -'],
    ['sotto transcribe - < a.wav'],
    ['cat a.wav | sotto transcribe /dev/stdin'],
    ['sotto transcribe /dev/stdin < a.wav'],
    ['sotto transcribe <(cat a.wav)'],
    ['mkfifo p; cat a.wav > p & sotto transcribe p'],
    ['cat a.wav | sotto transcribe - --no-daemon'],
  ])('%s', async (script) => {
    writeFileSync(at('a.wav'), SOUND);
    expect(await shell(script)).toMatchObject({ code: 0, stdout: TEXT, stderr: '' });
    expect(uploads()).toEqual([]);
  });

  test('is saved to a private file and named stdin', async () => {
    writeFileSync(at('a.wav'), JSON.stringify({ segments: 60, delayMs: 50 }));
    const running = shell('cat a.wav | sotto transcribe - --format json');
    await until(() => uploads().length === 1);
    const [name = ''] = uploads();
    expect(statSync(join(home.paths.uploads, name)).mode & 0o777).toBe(0o600);
    expect(statSync(home.paths.uploads).mode & 0o777).toBe(0o700);
    // A starting daemon keeps it.
    sweepUploads(home.paths.uploads);
    expect(uploads()).toEqual([name]);
    const { code, stdout } = await running;
    expect([code, JSON.parse(stdout)]).toEqual([0, expect.objectContaining({ file: 'stdin' })]);
    expect(uploads()).toEqual([]);
  });

  test('can be combined with files and an output folder', async () => {
    writeFileSync(at('a.wav'), SOUND);
    const { code, stdout } = await shell('cat a.wav | sotto transcribe a.wav - -o out; ls out');
    expect([code, stdout]).toEqual([0, 'a.txt\nstdin.txt\n']);
  });

  test.each([
    [
      'sotto transcribe - < /dev/null',
      1,
      'sotto: stdin: no audio arrived — check the command before the pipe\n',
    ],
    ['echo text | sotto transcribe -', 1, 'sotto: stdin: this is not audio — '],
    ['echo text | sotto transcribe - -', 2, 'sotto: stdin can be read only once — use - once\n'],
    ['mkdir in; echo | sotto transcribe - in', 2, 'sotto: - can’t be transcribed together with folders — '],
    ['echo | sotto transcribe - --watch', 2, 'sotto: - can’t be transcribed together with folders — '],
  ])('%s is an error', async (script, code, message) => {
    const result = await shell(script);
    expect([result.code, result.stdout]).toEqual([code, '']);
    expect(result.stderr.slice(0, message.length)).toBe(message);
    expect(uploads()).toEqual([]);
  });

  test.each(['-', 'p'])('Ctrl-C while %s is silent exits and leaves nothing', async (input) => {
    execFileSync('mkfifo', [at('p')]);
    const child = spawn(process.execPath, [launcher, 'transcribe', input], {
      cwd: home.folder,
      env: { ...process.env, NODE_OPTIONS: '', SOTTO_HOME: home.folder, SOTTO_ENGINE: fakeEngine },
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    const code = new Promise((resolve) => child.on('close', resolve));
    child.stdin.write('{');
    if (input === '-') await until(() => uploads().length === 1);
    else await until(() => existsSync(home.paths.uploads));
    child.kill('SIGINT');
    expect([await code, uploads()]).toEqual([130, []]);
  });

  test('removes files of a killed command', async () => {
    mkdirSync(home.paths.uploads, { mode: 0o700 });
    const left = `input.${2 ** 30}.${'0'.repeat(24)}`;
    writeFileSync(join(home.paths.uploads, left), 'old');
    writeFileSync(at('a.wav'), SOUND);
    expect((await shell('cat a.wav | sotto transcribe - --no-daemon')).code).toBe(0);
    expect(uploads()).toEqual([]);
  });
});

describe('URLs', () => {
  let server: Server | undefined;
  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
  });

  async function serve(answer: RequestListener): Promise<string> {
    const started = createServer(answer);
    server = started;
    await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve));
    const address = started.address();
    return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  }
  const run = (...args: string[]): Promise<SottoResult> =>
    sotto(['transcribe', ...args], { home: home.folder, cwd: home.folder });

  test('are fetched, transcribed, and shown without their query', async () => {
    const base = await serve((_, response) => response.end(SOUND));
    expect(await run(`${base}/talk.mp3`)).toMatchObject({ code: 0, stdout: TEXT, stderr: '' });
    const { stdout } = await run(`${base}/talk.mp3?token=secret`, '--format', 'json');
    expect(JSON.parse(stdout)).toMatchObject({ file: `${base}/talk.mp3?…`, duration: 2 });
    expect((await run(`${base}/a%20b.mp3`, `${base}/c.mp3`, '-o', 'out')).code).toBe(0);
    expect(readdirSync(at('out')).sort()).toEqual(['a b.txt', 'c.txt']);
  });

  test('that can’t be fetched give coded errors that name them once', async () => {
    const base = await serve((request, response) =>
      request.url === '/moved'
        ? response.writeHead(302, { location: 'ftp://example/a' }).end()
        : response.writeHead(404).end(),
    );
    const { code, stdout, stderr } = await run(
      `${base}/none.mp3`,
      'http://nowhere.invalid/a.mp3',
      `${base}/moved`,
      'http://user:word@nowhere.invalid/a.mp3',
    );
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr.trimEnd().split('\n')).toEqual([
      `sotto: ${base}/none.mp3: the URL answers 404 — check the URL`,
      expect.stringMatching(
        /^sotto: http:\/\/nowhere\.invalid\/a\.mp3: the URL can’t be fetched: .+ — check the URL and your connection, then try again$/,
      ),
      `sotto: ${base}/moved: the URL redirects from http: to ftp: — download it yourself, then transcribe the file`,
      'sotto: http://nowhere.invalid/a.mp3: a URL with a password is not accepted — download it yourself, then transcribe the file',
    ]);
  });

  test('in public never redirect into the private network', async () => {
    const { inputsOf } = await import('#daemon/cli/transcribe/inputs.js');
    const { fetchAudio } = await import('#daemon/worker/fetch-audio.js');
    const base = await serve((_, response) => response.end(SOUND));
    const limits = { maxBytes: 1e6, maxSeconds: 5, allowPrivate: false };
    await expect(fetchAudio(base, limits, new AbortController().signal)).rejects.toMatchObject({
      code: 'AUDIO_REFUSED',
    });
    const waits: string[] = [];
    const view = { waiting: (what: string) => void waits.push(what) };
    const [input] = inputsOf([`${base}/a.mp3`], home.paths);
    const opened = await input?.open(view, new AbortController().signal);
    expect(readFileSync(opened?.path ?? '', 'utf8')).toBe(SOUND);
    await opened?.remove();
    expect(existsSync(opened?.path ?? '')).toBe(false);
    expect(waits.at(-1)).toMatch(/^downloading 0\.0 MB/);
  });
});
