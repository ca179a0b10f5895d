import { spawn, execFileSync } from 'node:child_process';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { SottoClient } from '#daemon/client/index.js';
import { resolvePaths, type Paths } from '#daemon/paths.js';
import { FakeLaunchd } from '#test/harness/fake-launchd.js';
import { serveLaunchctl, type LaunchctlServer } from '#test/harness/launchctl-server.js';
import { childrenOf } from '#test/harness/processes.js';
import { buildRelease, target, type Release } from '#test/harness/build-release.js';
import { stopAll } from '#test/harness/stop-all.js';
import { isRunning, until } from '#test/harness/wait.js';
import { describeUnless } from '#test/harness/skipping.js';

const LABEL = 'com.sotto.daemon';

const supported = target === 'linux-x64' || target === 'darwin-arm64';

describeUnless(supported ? undefined : `no release for this system: ${target}`)(
  'a release, installed as users install it',
  () => {
    let releases: string;
    let first: Release;
    let second: Release;
    beforeAll(async () => {
      releases = mkdtempSync(join(tmpdir(), 'so-rel-'));
      first = await buildRelease(releases, '0.1.0');
      second = await buildRelease(releases, '0.2.0');
    });
    afterAll(() => rmSync(releases, { recursive: true, force: true }));

    let folder: string;
    let paths: Paths;
    let command: string;
    let launchd: FakeLaunchd;
    let launchctl: LaunchctlServer;
    beforeEach(async () => {
      // An apostrophe and a space, which the name of a user's folder may contain.
      folder = mkdtempSync(join(tmpdir(), "so i' "));
      paths = resolvePaths({ SOTTO_HOME: join(folder, 'h') });
      command = join(folder, 'bin', 'sotto');
      launchd = new FakeLaunchd({ uid: process.getuid?.() ?? 0, secondMs: 300, drainMs: 20 });
      launchctl = await serveLaunchctl(launchd, folder);
    });
    afterEach(async () => {
      await launchd.logOut();
      await launchctl.close();
      await stopAll(paths);
      rmSync(folder, { recursive: true, force: true });
    });

    interface Ran {
      readonly code: number | null;
      readonly out: string;
      readonly err: string;
    }

    function run(program: string, args: readonly string[], env: Record<string, string> = {}): Promise<Ran> {
      const child = spawn(program, [...args], {
        env: {
          ...launchctl.environment,
          PATH: launchctl.environment.PATH ?? '',
          SOTTO_HOME: paths.home,
          SOTTO_BIN: join(folder, 'bin'),
          NO_COLOR: '1',
          ...env,
        },
        cwd: folder,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let out = '';
      let err = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
      child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
      return new Promise((resolve) => child.on('close', (code) => resolve({ code, out, err })));
    }

    const install = ({ script }: Release, ...args: string[]): Promise<Ran> => run('sh', [script, ...args]);
    const current = (): string => realpathSync(join(paths.home, 'app', 'current'));
    const versions = (): string[] => readdirSync(join(paths.home, 'app', 'versions'));

    /** A process of the installation; it tries to start a daemon when called, and reports why it can't. */
    async function lateStarter(): Promise<() => Promise<string>> {
      const module = pathToFileURL(join(current(), 'dist/daemon/src/cli/daemon/start-daemon.js')).href;
      const script = `import { findOrStartDaemon } from ${JSON.stringify(module)};
      console.log('ready');
      process.stdin.once('data', () => findOrStartDaemon({ paths: ${JSON.stringify(paths)} }).then(() => process.exit(0), (error) => {
        console.error(error.message);
        process.exit(1);
      }));`;
      const child = spawn(process.execPath, ['--input-type=module', '-e', script], { cwd: '/' });
      await new Promise((resolve) => child.stdout.once('data', resolve).once('end', resolve));
      let output = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
      return async () => {
        child.stdin.write('now');
        await new Promise((resolve) => child.once('close', resolve));
        return output;
      };
    }

    test('installs with one line, transcribes, starts the daemon at login, and uninstalls completely', async () => {
      const before = readdirSync(folder).sort();
      const done = await install(first);
      expect([done.code, done.err]).toEqual([0, '']);
      expect(done.out).toMatch(/Login agent installed\. The daemon is running \(pid \d+\)/);
      expect(done.out).toMatch(/Sotto works. Sample transcript: “And so,? my fellow Americans/);
      expect(existsSync(join(current(), 'assets/selftest/whisper-base-6bit-jfk.json'))).toBe(true);
      // Its folder is not in PATH: the printed command can be pasted as it is.
      const shown = /test this machine, in under 3 minutes: (.*)\n/.exec(done.out)?.[1] ?? '';
      expect(shown).toMatch(/bin\/sotto' doctor --selftest$/);
      expect(await run('sh', ['-c', `${shown} --help`])).toMatchObject({ code: 0, err: '' });
      // The daemon that answers is the installed one, not that of the clone.
      const client = await SottoClient.connect(paths.socket, 'test');
      expect(client.daemon.pid).toBe(launchd.pid(LABEL));
      client.close();
      const list = readFileSync(join(paths.home, 'agent', 'Sotto'), 'utf8');
      expect(list).toContain(`${current().replaceAll("'", "'\\''")}/daemon/bin/sotto.mjs`);
      const doctor = await run(command, ['agent', 'doctor']);
      expect([doctor.code, doctor.out]).toEqual([
        0,
        expect.stringMatching(/✓ addon +.*app\/versions\/0\.1\.0-/),
      ]);

      const late = await lateStarter();
      const pid = launchd.pid(LABEL) ?? -1;
      const gone = await run(command, ['uninstall', '--all', '--yes']);
      expect([gone.code, gone.err]).toEqual([0, '']);
      expect(gone.out).toMatch(/Sotto was uninstalled\.\n/);
      expect(isRunning(pid)).toBe(false);
      expect(launchd.pid(LABEL)).toBeUndefined();
      // A program that has been running all the time wants a daemon now.
      expect(await late()).toMatch(/Sotto no longer exists in .*0\.1\.0-[0-9a-f]{8}/);
      rmSync(join(folder, 'bin'), { recursive: true }); // A bin folder is shared with other programs.
      rmSync(join(folder, 'Library'), { recursive: true });
      expect(readdirSync(folder).sort()).toEqual(before);
    });

    test('a second installation repairs it; a newer one replaces the old one', async () => {
      await install(first);
      const pid = launchd.pid(LABEL);
      const addon = join(current(), 'native/lib', target, 'sotto-mlx.node');
      rmSync(addon);
      const PATH = `${join(folder, 'bin')}:${launchctl.environment.PATH ?? ''}`;
      const again = await run('sh', [first.script], { PATH });
      expect(again.out).toMatch(/ minutes: sotto doctor --selftest\n/);
      expect([again.code, again.out]).toEqual([0, expect.stringMatching(/Login agent installed already/)]);
      expect([existsSync(addon), launchd.pid(LABEL)]).toEqual([true, pid]);
      expect(versions()).toHaveLength(1);
      writeFileSync(paths.settings, '{"history":{"keepDays":7}}');

      const newer = await install(second);
      expect([newer.code, newer.err]).toEqual([0, '']);
      expect(versions()).toEqual([expect.stringMatching(/^0\.2\.0-/)]);
      await until(() => launchd.pid(LABEL) !== undefined);
      expect(launchd.pid(LABEL)).not.toBe(pid);
      expect(isRunning(pid ?? -1)).toBe(false);
      expect(readFileSync(paths.settings, 'utf8')).toContain('"keepDays":7');
      expect(readlinkSync(join(paths.home, 'app', 'current'))).toMatch(/^versions\/0\.2\.0-/);

      // An agent that was not told of another version detects it by itself.
      expect((await install(first, '--no-agent')).code).toBe(0);
      expect(versions()).toEqual([expect.stringMatching(/^0\.1\.0-/)]);
      const started = await run(command, ['agent', 'start']);
      expect([started.code, started.out]).toEqual([
        0,
        expect.stringMatching(/^Login agent started\. The daemon is running/),
      ]);
    });

    // Nightly, and before a release: SOTTO_CYCLES=10.
    test('leaves no process, file or socket after repeated installs, upgrades and uninstalls', async () => {
      const cycles = Number(process.env.SOTTO_CYCLES ?? '1');
      const pids = new Set<number>();
      mkdirSync(join(folder, 'bin'));
      mkdirSync(join(folder, 'Library', 'LaunchAgents'), { recursive: true });
      const before = readdirSync(folder, { recursive: true }).sort();
      for (let cycle = 0; cycle < cycles; cycle++) {
        for (const release of [first, second]) {
          expect((await install(release)).code).toBe(0);
          const daemon = launchd.pid(LABEL) ?? -1;
          for (const pid of [daemon, ...childrenOf(daemon)]) pids.add(pid);
        }
        expect((await run(command, ['uninstall', '--all', '--yes'])).code).toBe(0);
        expect(readdirSync(folder, { recursive: true }).sort()).toEqual(before);
      }
      expect(pids.size).toBeGreaterThanOrEqual(2 * cycles);
      expect([...pids].filter((pid) => isRunning(pid))).toEqual([]);
    }, 900_000);

    test('resumes an interrupted installation, and refuses a truncated or changed file', async () => {
      // As an installation leaves it that was killed while it unpacked.
      const half = join(paths.home, 'app', 'versions', '0.1.0-12345678.part');
      mkdirSync(half, { recursive: true });
      mkdirSync(join(paths.home, 'app', 'installing'));
      writeFileSync(join(paths.home, 'app', 'installing', 'pid'), '2147483000\n');
      const others = ['notes', '0.1.0-mine', '0.1.0-12345678.bak'];
      for (const name of others) mkdirSync(join(paths.home, 'app', 'versions', name));

      const broken = join(folder, `sotto-0.1.0-${target}.tgz`);
      copyFileSync(first.file, broken);
      truncateSync(broken, 1_000_000);
      const refused = await install(first, broken);
      expect(refused).toMatchObject({
        code: 1,
        err: expect.stringMatching(/is damaged: its sha256/) as unknown,
      });
      expect(versions().sort()).toEqual(['0.1.0-12345678.part', ...others].sort());
      appendFileSync(broken, 'x');
      expect((await install(first, broken)).code).toBe(1);
      expect(existsSync(command)).toBe(false);

      // Files fetched before the network failed are not fetched again.
      mkdirSync(join(paths.home, 'app', 'download'), { recursive: true });
      const bytes = readFileSync(first.file);
      const part = join(paths.home, 'app', 'download', `sotto-0.1.0-${target}.tgz.part`);
      writeFileSync(part, bytes.subarray(0, bytes.length >> 1));
      const offline = await install(first, `file:///nowhere/sotto-0.1.0-${target}.tgz`);
      expect([offline.code, offline.err]).toEqual([1, expect.stringMatching(/can't be downloaded/)]);
      expect(statSync(part).size).toBe(bytes.length >> 1);
      const done = await install(first, '--no-agent', `file://${first.file}`);
      expect([done.code, done.out]).toEqual([0, expect.stringMatching(/Sotto works/)]);
      // Of the other versions only those that the installer made are removed.
      expect(versions()).toHaveLength(1 + others.length);
      expect(versions()).toEqual(expect.arrayContaining(others));
      expect(readdirSync(join(paths.home, 'app')).sort()).toEqual(['command', 'current', 'versions']);
      expect(launchd.starts).toBe(0);
    });

    test('installs nothing if a folder with foreign files is in the place of its lock', async () => {
      const lock = join(paths.home, 'app', 'installing');
      mkdirSync(lock, { recursive: true });
      writeFileSync(join(lock, 'notes.txt'), 'mine');
      const { code, err } = await install(first, '--no-agent');
      expect([code, err]).toEqual([1, expect.stringMatching(/installing was not made by this installer/)]);
      expect(readdirSync(lock)).toEqual(['notes.txt']);
      expect(existsSync(command)).toBe(false);
    });

    test('can be piped, as from a web page; truncated, it does nothing', async () => {
      const piped = join(folder, 'piped.sh');
      const script = readFileSync(first.script, 'utf8');
      const address = `file://${dirname(first.file)}`;
      writeFileSync(
        piped,
        script.replace(/^ADDRESS=.*$/m, () => `ADDRESS=${address}`),
      );
      const half = await run('sh', ['-c', `head -c ${script.length >> 1} piped.sh | sh`]);
      expect(half.code).not.toBe(0);
      expect(existsSync(paths.home)).toBe(false);
      const done = await run('sh', ['-c', 'cat piped.sh | sh -s -- --no-agent']);
      expect([done.code, done.out]).toEqual([0, expect.stringMatching(/Sotto works/)]);
    });

    /** A folder with only the programs that every Mac and every Linux has. */
    function barePath(): string {
      const bare = join(folder, 'bare');
      mkdirSync(bare);
      const programs =
        'basename cat chmod cut dirname grep gzip head mkdir mv rm rmdir sed sh tar tr uname'.split(' ');
      for (const name of [...programs, process.platform === 'darwin' ? 'shasum' : 'sha256sum'])
        symlinkSync(execFileSync('which', [name], { encoding: 'utf8' }).trim(), join(bare, name));
      return bare;
    }

    test('installs and transcribes without Node, a compiler, Python or git', async () => {
      const bare = { PATH: barePath() };
      const done = await run('sh', [first.script, '--no-agent'], bare);
      expect([done.code, done.err]).toEqual([0, '']);
      expect(done.out).toMatch(/Sotto works/);
      const result = await run(command, ['transcribe', join(current(), 'assets/speech/jfk.flac')], bare);
      expect([result.code, result.out]).toEqual([0, expect.stringMatching(/ask not what your country/)]);
    });

    test('removes the quarantine mark from a release for a Mac', async () => {
      const bare = barePath();
      const log = join(folder, 'xattr.log');
      const stub = (name: string, lines: string): void => {
        rmSync(join(bare, name), { force: true });
        writeFileSync(join(bare, name), `#!/bin/sh\n${lines}\n`, { mode: 0o755 });
      };
      stub('uname', 'case $1 in -s) echo Darwin ;; *) echo arm64 ;; esac');
      stub('sw_vers', 'echo 15.3');
      stub('xattr', `echo "$@" >${JSON.stringify(log)}; exit 1`);
      // It stops where the Node inside does not run: of a release, only its layout is here.
      const parts = join(folder, 'package');
      mkdirSync(join(parts, 'native/lib/darwin-arm64'), { recursive: true });
      writeFileSync(join(parts, 'package.json'), '{\n  "version": "0.1.0",\n}\n');
      for (const name of ['sotto-mlx.node', 'sotto-mic'])
        writeFileSync(join(parts, 'native/lib/darwin-arm64', name), '');
      execFileSync('tar', ['-czf', join(folder, 'mac.tgz'), '-C', folder, 'package']);
      const done = await run('sh', [first.script, join(folder, 'mac.tgz')], { PATH: bare });
      expect(done).toMatchObject({
        code: 3,
        err: expect.stringMatching(/bin\/node does not run/) as unknown,
      });
      const marked = readFileSync(log, 'utf8');
      expect(marked).toMatch(/^-dr com\.apple\.quarantine \/.*\/app\/versions\/0\.1\.0-[0-9a-f]{8}\.part\n$/);
    });

    test('reports a missing release or an unusable folder', async () => {
      const alone = join(folder, 'install.sh');
      copyFileSync(first.script, alone);
      expect(await run('sh', [alone])).toMatchObject({
        code: 2,
        err: expect.stringMatching(/no release given/) as unknown,
      });

      mkdirSync(join(folder, 'bin'), { recursive: true });
      writeFileSync(command, '#!/bin/sh\necho mine\n');
      expect(await install(first)).toMatchObject({
        code: 1,
        err: expect.stringMatching(/bin\/sotto exists and belongs to another installation/) as unknown,
      });
      expect(readFileSync(command, 'utf8')).toContain('echo mine');
      expect(await run('sh', [first.script], { SOTTO_BIN: 'bin' })).toMatchObject({
        code: 2,
        err: expect.stringMatching(/SOTTO_BIN is not an absolute path: bin/) as unknown,
      });
      // A refused installation changes nothing.
      expect(existsSync(paths.home)).toBe(false);
    });

    test('npm installs the same file, without a network or a compiler', async () => {
      const prefix = join(folder, 'npm');
      const npm = ['install', '--global', '--offline', '--prefix', prefix, '--cache', join(folder, 'cache')];
      const cleanEnv = { PATH: process.env.PATH ?? '', npm_config_update_notifier: 'false' };
      const installed = await run('npm', [...npm, first.file], cleanEnv);
      expect([installed.code, installed.err]).toEqual([0, expect.not.stringContaining('ERR')]);
      const transcribe = (...flags: string[]): ReturnType<typeof run> =>
        run(join(prefix, 'bin', 'sotto'), [
          'transcribe',
          '--no-daemon',
          ...flags,
          join(prefix, 'lib/node_modules/sotto/assets/speech/jfk.flac'),
        ]);
      const result = await transcribe();
      expect([result.code, result.out]).toEqual([0, expect.stringMatching(/ask not what your country/i)]);
      const page = await transcribe('--format', 'html');
      expect([page.code, page.out]).toEqual([0, expect.stringMatching(/ask.*not[^]*<script>/)]);
    });
  },
);
