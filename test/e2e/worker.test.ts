/**
 * Several machines, one queue: a real Valkey (it speaks Redis' protocol), real workers, and a fake engine behind
 * each.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { draftName } from '#daemon/writers/placement/place-text.js';
import type { QueueStatus } from '#daemon/worker/queue-status.js';
import { scriptedTexts, writeFakeAudio } from '#test/harness/fake-audio.js';
import { sotto } from '#test/harness/run-sotto.js';
import { tempHome } from '#test/harness/temp-home.js';
import { findValkey, Valkey } from '#test/harness/valkey.js';
import { until } from '#test/harness/wait.js';
import { describeUnless, testUnless } from '#test/harness/skipping.js';
import { Ledger, untilBusy, WorkerTeam, type Machine } from './worker-team.js';

const found = await findValkey();
const missing = 'missing' in found ? found.missing : undefined;
const describeQueue = describeUnless(missing);
const program = 'path' in found ? found.path : '';

let valkey: Valkey;
let team: WorkerTeam;

beforeAll(async () => {
  if (missing === undefined) valkey = await Valkey.start(program);
});
afterAll(async () => {
  if (missing === undefined) await valkey.stop();
});
afterEach(async () => {
  if (missing === undefined) await team.end();
});

/** The first of these machines that has done part of a file. */
async function inTheMiddle(machines: readonly Machine[]): Promise<Machine> {
  let found: Machine | undefined;
  await until(async () => {
    const { active } = await team.status();
    const busy = active.filter(({ seconds }) => seconds > 0).map(({ worker }) => worker);
    found = machines.find(({ name }) => busy.includes(name));
    return found !== undefined;
  });
  if (found === undefined) throw new Error('there is one');
  return found;
}

/** Each test has a database of its own. */
let databases = 0;
function newTeam(): WorkerTeam {
  return new WorkerTeam(`${valkey.url}?db=${databases++}`);
}

function text(segments: number): string {
  return scriptedTexts(segments)
    .map((line) => `${line.trim()}\n`)
    .join('');
}

describeQueue('sotto worker', () => {
  test('three machines do each file once, though two are killed during one', async () => {
    team = newTeam();
    const files = Array.from({ length: 28 }, (_, index) => {
      const name = `talk-${String(index).padStart(2, '0')}`;
      // The first ones last, so that a worker can be killed during them.
      team.audio(`${name}.wav`, { segments: 3, delayMs: index < 4 ? 1_000 : 60 });
      return `${name}.txt`;
    });
    writeFileSync(join(team.folder, 'empty-1.wav'), 'no sound');
    writeFileSync(join(team.folder, 'empty-2.wav'), 'no sound');
    // Of a worker that was killed while it wrote.
    writeFileSync(join(team.folder, draftName(2 ** 22)), 'segm');
    const machines = ['a', 'b', 'c'].sort(() => Math.random() - 0.5).map((name) => team.start(name));
    const ledger = new Ledger(team.folder, '.txt');

    await until(async () => (await team.status()).workers.length === machines.length);
    // Three times at once: it is the same work.
    const handing = ['1', '2'].map(() => team.begin(['transcribe', '.', '--detach']));
    const watching = team.begin(['transcribe', '.', '--summary', '-']);
    const first = await inTheMiddle(machines);
    first.worker.kill('SIGKILL');
    (await inTheMiddle(machines.filter((one) => one !== first))).worker.kill('SIGKILL');
    const { code, stdout } = await watching.done;

    expect(code).toBe(1);
    for (const { done } of handing)
      expect(await done).toMatchObject({ code: 0, stderr: expect.stringContaining('of 30 queued') });
    // A late client finds the texts done.
    const summary = JSON.parse(stdout) as { done: number; skipped: number; failed: number };
    expect([summary.done + summary.skipped, summary.failed]).toEqual([28, 2]);
    expect(ledger.close()).toEqual(new Map(files.map((name) => [name, 1])));
    for (const name of files) expect(readFileSync(join(team.folder, name), 'utf8')).toBe(text(3));
    expect(team.leftovers()).toEqual([]);
    const done = team.output().match(/^done: [^,]+/gm) ?? [];
    expect(new Set(done).size).toBe(done.length);
    expect(
      (await team.status()).failed.map(({ name, code: why, attempts }) => [name, why, attempts]),
    ).toEqual(
      expect.arrayContaining([
        ['empty-1.wav', 'AUDIO_UNSUPPORTED', 1],
        ['empty-2.wav', 'AUDIO_UNSUPPORTED', 1],
      ]),
    );
  });

  test('retries failed files on request, once they are repaired', async () => {
    team = newTeam();
    const broken = team.audio('broken.wav', { segments: 3, failAfter: 1 });
    // May pass: it gets three attempts.
    const shaky = team.audio('shaky.wav', { segments: 3, failAfter: 1, failCode: 'TIMEOUT' });
    team.start('a');
    const first = await team.run(['transcribe', '.']);
    expect(first.code).toBe(1);
    expect(first.stderr).toContain('sotto: broken.wav: as the script says — ');
    expect(first.stderr).toContain('sotto queue retry --queue unix:');
    const { stdout } = await team.run(['queue', 'status', '--json']);
    const { failed } = JSON.parse(stdout) as QueueStatus;
    expect(failed.map(({ name, code, attempts }) => [name, code, attempts]).sort()).toEqual([
      ['broken.wav', 'AUDIO_TRUNCATED', 1],
      ['shaky.wav', 'TIMEOUT', 3],
    ]);
    expect(team.output().match(/failed for now: shaky/g)).toHaveLength(2);

    for (const path of [broken, shaky]) writeFakeAudio(path, { segments: 2 });
    expect((await team.run(['queue', 'retry'])).stdout).toBe('2 files queued again\n');
    await until(() => readdirSync(team.folder).filter((name) => name.endsWith('.txt')).length === 2);
    await until(async () => (await team.status()).counts.completed === 2);
    expect((await team.run(['queue', 'retry'])).stdout).toBe('no failed files\n');
    // Written again with other content, they are other files: their texts exist already.
    expect(await team.run(['transcribe', '.'])).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/skipped +2/),
    });
  });

  test('a worker that was frozen and continues does not replace the text of another one', async () => {
    team = newTeam();
    const frozen = team.start('frozen');
    team.audio('long.wav', { segments: 20, delayMs: 100 });
    const ledger = new Ledger(team.folder, '.txt');
    const watching = team.begin(['transcribe', '.']);
    await untilBusy(team, ['frozen']);
    frozen.worker.kill('SIGSTOP');
    const other = team.start('other');
    const { code } = await watching.done;
    expect(code).toBe(0);
    other.worker.kill('SIGTERM');
    await other.worker.done;
    frozen.worker.kill('SIGCONT');
    // It starts the next ones, so the first one is over.
    rmSync(join(team.folder, 'long.wav'));
    for (const name of ['x', 'y', 'z']) team.audio(`${name}.wav`, { delayMs: 100 });
    expect((await team.run(['transcribe', '.'])).code).toBe(0);
    expect([...ledger.close()].sort()).toEqual([
      ['long.txt', 1],
      ['x.txt', 1],
      ['y.txt', 1],
      ['z.txt', 1],
    ]);
    expect(team.output().match(/^done: long/gm)).toHaveLength(1);
    expect(team.leftovers()).toEqual([]);
  });

  test('on stop returns what it can’t finish, without counting an attempt', async () => {
    team = newTeam();
    const leaving = team.start('leaving');
    team.audio('long.wav', { segments: 200, delayMs: 50 });
    const watching = team.begin(['transcribe', '.']);
    await untilBusy(team, ['leaving']);
    leaving.worker.kill('SIGTERM');
    await until(() => leaving.worker.stdout().includes('stopping; the current file gets 20 s'));
    leaving.worker.kill('SIGTERM');
    const { code, stdout, stderr } = await leaving.worker.done;
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('ended');
    expect((await team.status()).counts).toMatchObject({ waiting: 1, active: 0, failed: 0 });
    writeFakeAudio(join(team.folder, 'long.wav'), { segments: 2 });
    team.start('staying');
    expect((await watching.done).code).toBe(0);
  });

  test('without its model reports it, stops, and leaves the files to others', async () => {
    team = newTeam();
    const poor = team.start('poor', [], { model: 'none' });
    for (const name of ['a', 'b', 'c']) team.audio(`${name}.wav`);
    const watching = team.begin(['transcribe', '.']);
    const { code, stderr } = await poor.worker.done;
    expect([code, stderr]).toEqual([
      3,
      expect.stringMatching(/^sotto: there is no model named none — .+\n$/),
    ]);
    expect((await team.status()).counts).toMatchObject({ waiting: 3, active: 0, failed: 0 });
    team.start('rich');
    expect((await watching.done).code).toBe(0);
  });

  test('stays within its folders and its rate', async () => {
    team = newTeam();
    const elsewhere = tempHome();
    writeFakeAudio(join(elsewhere.folder, 'secret.wav'), {});
    team.start('slow', ['--rate', '1/second']);
    for (const name of ['a', 'b', 'c', 'd']) team.audio(`${name}.wav`);
    const beganMs = performance.now();
    const { code, stderr } = await team.run(['transcribe', '.', join(elsewhere.folder, 'secret.wav')]);
    // Five files: it paused four times.
    expect(performance.now() - beganMs).toBeGreaterThan(4_000);
    elsewhere.remove();
    expect(code).toBe(1);
    expect(stderr).toMatch(/secret\.wav was refused: it is not in one of this worker’s folders — .*--root/);
    expect(readdirSync(team.folder).filter((name) => name.endsWith('.txt'))).toHaveLength(4);
    expect(await sotto(['worker', '--queue', valkey.url], { home: team.folder })).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/no folders given .* — add --root FOLDER/),
    });
  });
});

describeQueue('sotto transcribe --queue', () => {
  let server: Server;
  let address: string;

  beforeAll(async () => {
    server = createServer((request, response) => {
      const { pathname } = new URL(request.url ?? '/', 'http://localhost');
      if (pathname === '/gone.wav') response.writeHead(404).end();
      else if (pathname === '/there.wav') response.writeHead(302, { location: '/two.wav' }).end();
      else response.end(JSON.stringify({ segments: pathname === '/two.wav' ? 2 : 1, delayMs: 20 }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const bound = server.address();
    address = `http://127.0.0.1:${typeof bound === 'object' ? (bound?.port ?? 0) : 0}`;
  });
  afterAll(() => void server.close());

  test('prints the texts of URLs in order, and leaves no audio behind', async () => {
    team = newTeam();
    const { worker } = team.start('web', ['--no-files', '--allow-private', '--concurrency', '2']);
    const urls = ['/there.wav?signature=secret', '/one.wav', '/gone.wav'].map((path) => address + path);
    const { code, stdout, stderr } = await team.run(['transcribe', ...urls]);
    expect([code, stdout]).toEqual([1, text(2) + text(1)]);
    expect(stderr).toMatch(/gone\.wav: the URL answers 404/);
    expect(worker.stdout()).not.toContain('secret');
    const left = readdirSync(tmpdir()).filter((name) => name.startsWith(`sotto-worker-${worker.pid}-`));
    expect(left).toEqual([]);
    // Finished work stays in the queue for a while: it is not fetched again.
    const texts = join(team.folder, 'texts');
    mkdirSync(texts);
    // Of a call that was killed while it wrote.
    writeFileSync(join(texts, draftName(2 ** 22)), 'segm');
    const again = await team.run(['transcribe', address + '/one.wav', '--output', 'texts']);
    expect([again.code, readFileSync(join(texts, 'one.txt'), 'utf8')]).toEqual([0, text(1)]);
    expect(readdirSync(texts)).toEqual(['one.txt']);
  });

  test('refuses addresses of the worker’s own network unless allowed', async () => {
    team = newTeam();
    team.start('web', ['--no-files']);
    const { code, stderr } = await team.run(['transcribe', `${address}/one.wav`]);
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining('127.0.0.1 is an address of a private network'),
    ]);
  });

  test('Ctrl-C leaves the work in the queue; the same command fetches its text, and redoes a missing one', async () => {
    team = newTeam();
    team.audio('a.wav');
    const first = team.begin(['transcribe', '.']);
    await until(async () => (await team.status()).counts.waiting === 1);
    first.kill('SIGINT');
    const { code, stderr } = await first.done;
    expect([code, stderr]).toEqual([130, expect.stringContaining('run again to see the progress')]);
    team.start('late');
    expect((await team.run(['transcribe', '.'])).code).toBe(0);
    rmSync(join(team.folder, 'a.txt'));
    expect((await team.run(['transcribe', '.'])).code).toBe(0);
    expect(readFileSync(join(team.folder, 'a.txt'), 'utf8')).toBe(text(3));
  });
});

describeQueue('a queue', () => {
  test('that is missing is an error for the client at once, and waited for by the worker', async () => {
    const own = await Valkey.start(program);
    await own.kill();
    team = new WorkerTeam(own.url);
    team.audio('a.wav');
    const { code, stderr } = await team.run(['transcribe', 'a.wav']);
    expect([code, stderr]).toEqual([
      3,
      expect.stringMatching(/^sotto: the queue at unix:.+ can’t be reached: .+ — .+\n$/),
    ]);
    const { worker } = team.start('patient');
    await until(() => worker.stdout().includes('waiting for it'));
    await own.start();
    expect(await team.run(['transcribe', 'a.wav'])).toMatchObject({ code: 0, stdout: text(3) });
    // Removed while both are working on it.
    team.audio('b.wav', { segments: 100, delayMs: 100 });
    const watching = team.begin(['transcribe', 'b.wav']);
    await untilBusy(team, ['patient']);
    await own.kill();
    await until(() => watching.stderr().includes('waiting for it'));
    await own.start();
    await until(() => watching.stderr().includes('reconnected to the queue'));
    // None of it was on disk: the job is gone, and its watcher is told.
    expect((await watching.done).stderr).toContain('removed from the queue');
    await own.stop();
  });

  test('with a password needs it, and it is never shown', async () => {
    const own = await Valkey.start(program, { password: 'open-sesame' });
    team = new WorkerTeam(own.url);
    team.audio('a.wav');
    const bare = own.url.replace(':open-sesame@', '');
    for (const url of [bare, bare.replace('redis://', 'redis://:wrong-word@')]) {
      const { code, stdout, stderr } = await sotto(['queue', 'status', '--queue', url], {
        home: team.folder,
      });
      expect([code, stdout, stderr]).toEqual([
        3,
        '',
        expect.stringMatching(/refused the login — check the user/),
      ]);
      expect(stderr).not.toContain('wrong-word');
    }
    const { worker } = team.start('Anna’s Mac');
    expect(await team.run(['transcribe', 'a.wav'])).toMatchObject({ code: 0, stdout: text(3), stderr: '' });
    const status = await sotto(['queue', 'status', '--queue', bare], {
      home: team.folder,
      env: { SOTTO_QUEUE_PASSWORD: 'open-sesame' },
    });
    expect([status.code, status.stdout]).toEqual([
      0,
      expect.stringContaining('1 done, 0 failed\nworkers: Anna’s Mac\n'),
    ]);
    expect(worker.stdout() + status.stdout).not.toContain('open-sesame');
    await own.stop();
  });

  const openssl = spawnSync('openssl', ['version']).status === 0;
  testUnless(openssl ? undefined : 'no openssl')('over TLS needs a trusted certificate', async () => {
    const own = mkdtempSync(join(tmpdir(), 'tls-'));
    const [key, cert] = [join(own, 'key.pem'), join(own, 'cert.pem')];
    const made = spawnSync('openssl', [
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'],
      ...['-addext', 'subjectAltName=DNS:localhost', '-keyout', key, '-out', cert],
    ]);
    expect([made.status, made.stderr.toString()]).toEqual([0, expect.anything()]);
    const front = createTlsServer({ key: readFileSync(key), cert: readFileSync(cert) }, (socket) => {
      const behind = connect(valkey.url.replace('unix:', ''));
      for (const end of [socket, behind]) end.on('error', () => void (socket.destroy(), behind.destroy()));
      socket.pipe(behind).pipe(socket);
    });
    front.on('tlsClientError', () => undefined);
    await new Promise<void>((resolve) => front.listen(0, 'localhost', resolve));
    const bound = front.address();
    const url = `rediss://localhost:${typeof bound === 'object' ? (bound?.port ?? 0) : 0}/15`;
    const status = ['queue', 'status', '--queue', url];
    const trusting = await sotto(status, { home: own, env: { NODE_EXTRA_CA_CERTS: cert } });
    expect([trusting.code, trusting.stdout]).toEqual([0, expect.stringMatching(/^rediss:.+: 0 waiting/)]);
    const other = await sotto(status, { home: own });
    expect([other.code, other.stderr]).toEqual([3, expect.stringMatching(/can’t be reached: self-signed/)]);
    front.close();
    rmSync(own, { recursive: true });
  });
});
