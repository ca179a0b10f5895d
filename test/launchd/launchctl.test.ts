import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { AgentPlan } from '#launchd/agent.js';
import { LaunchAgent, parsePrint } from '#launchd/launchctl.js';
import { FakeLaunchd, type FakeLaunchdOptions } from '#test/harness/fake-launchd.js';
import { isRunning, until } from '#test/harness/wait.js';

const LABEL = 'com.sotto.test';
const SECOND_MS = 20;

let folder: string;
let launchd: FakeLaunchd;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'so-launchd-'));
  writeFileSync(join(folder, 'daemon.cjs'), DAEMON);
});
afterEach(async () => {
  await launchd.logOut();
  rmSync(folder, { recursive: true, force: true });
});

/** A minimal daemon: exits with success on SIGTERM, or at once with the code in the file `fails`. */
const DAEMON = `
const { existsSync, readFileSync, writeFileSync } = require('node:fs');
const [folder] = process.argv.slice(2);
process.on('SIGTERM', () => process.exit(0));
process.on('SIGUSR1', () => process.exit(1));
writeFileSync(folder + '/pid', String(process.pid));
if (existsSync(folder + '/fails')) process.exit(Number(readFileSync(folder + '/fails', 'utf8')));
setInterval(() => {}, 1000);
`;

function agent(change: Partial<AgentPlan> = {}, uid = 501): LaunchAgent {
  const plan: AgentPlan = {
    label: LABEL,
    user: folder,
    launcher: join(folder, 'Application Support', 'agent', 'Sotto'),
    nodes: [process.execPath],
    command: [join(folder, 'daemon.cjs'), folder],
    log: join(folder, 'Logs', 'agent.log'),
    folder,
    environment: { PATH: '/usr/bin:/bin' },
    ...change,
  };
  return new LaunchAgent(plan, { run: launchd.run, uid, pause: (ms) => sleep(ms / 20) });
}

function newLaunchd(options: Partial<FakeLaunchdOptions> = {}): void {
  launchd = new FakeLaunchd({ uid: 501, secondMs: SECOND_MS, ...options });
}
beforeEach(() => newLaunchd());

const list = (): string => join(folder, 'Library', 'LaunchAgents', `${LABEL}.plist`);

async function runs(): Promise<number> {
  await until(() => existsSync(join(folder, 'pid')) && launchd.pid(LABEL) !== undefined);
  return launchd.pid(LABEL) ?? -1;
}

describe('the macOS agent', () => {
  test('runs after installation, and a second installation changes nothing', async () => {
    const own = agent();
    expect(await own.status()).toMatchObject({ installed: 'no', state: 'not loaded' });
    expect(await own.install()).toBe(true);
    const pid = await runs();
    expect(await own.status()).toEqual({ installed: 'yes', state: 'running', pid, file: list() });
    expect(await own.install()).toBe(false);
    expect(launchd.pid(LABEL)).toBe(pid);
    // launchd accepts only a list that is writable by its owner alone.
    expect(statSync(list()).mode & 0o777).toBe(0o644);
    expect(readdirSync(join(folder, 'Library', 'LaunchAgents'))).toEqual([`${LABEL}.plist`]);
  });

  test('is updated by another version, with one process at the end', async () => {
    await agent().install();
    const before = await runs();
    const newer = agent({ environment: { PATH: '/opt/homebrew/bin:/usr/bin:/bin' } });
    expect(await newer.status()).toMatchObject({ installed: 'outdated', state: 'running' });
    expect(await newer.install()).toBe(true);
    await until(() => launchd.pid(LABEL) !== undefined);
    expect(isRunning(before)).toBe(false);
    expect(await newer.status()).toMatchObject({ installed: 'yes', state: 'running' });
    expect(readFileSync(list(), 'utf8')).toContain('/opt/homebrew/bin');
  });

  test('is loaded despite error 5, which launchd returns while it unloads the old one', async () => {
    newLaunchd({ drainMs: 150 });
    await agent().install();
    await runs();
    // As if it had been unloaded a moment ago.
    await launchd.run('launchctl', ['bootout', `gui/501/${LABEL}`]);
    await until(() => launchd.pid(LABEL) === undefined);
    expect(await agent().install()).toBe(true);
    expect((await agent().status()).state).toBe('running');
    const refused = launchd.calls.filter(([verb]) => verb === 'bootstrap').length;
    expect(refused).toBeGreaterThan(1);
  });

  test('is enabled again by installation after the user disabled it under Login Items', async () => {
    launchd.disabled.add(LABEL);
    await agent().install();
    await runs();
    expect(launchd.disabled.size).toBe(0);
  });

  test('restarts after a crash, and after a stop stays stopped until the next login', async () => {
    const own = agent();
    await own.install();
    const first = await runs();
    process.kill(first, 'SIGKILL');
    await until(() => launchd.pid(LABEL) !== undefined && launchd.pid(LABEL) !== first);
    await until(() => readFileSync(join(folder, 'pid'), 'utf8') === String(launchd.pid(LABEL)));
    await own.stop();
    await own.stop();
    await sleep(20 * SECOND_MS);
    expect(await own.status()).toMatchObject({ installed: 'yes', state: 'not loaded' });
    await launchd.logOut();
    launchd.logIn([list()]);
    await runs();
    expect((await own.status()).state).toBe('running');
  });

  test('starts and restarts', async () => {
    const own = agent();
    await expect(own.start()).rejects.toMatchObject({
      code: 'AGENT_FAILED',
      hint: expect.stringMatching(/sotto agent install/) as unknown,
    });
    await own.install();
    const first = await runs();
    await until(() => readFileSync(join(folder, 'pid'), 'utf8') === String(first));
    await own.restart();
    await until(() => launchd.pid(LABEL) !== undefined && launchd.pid(LABEL) !== first);
    await until(() => readFileSync(join(folder, 'pid'), 'utf8') === String(launchd.pid(LABEL)));
    await own.stop();
    await own.start();
    expect((await own.status()).state).toBe('running');
  });

  test('is restarted every ten seconds at most if it keeps failing, and reports the failure', async () => {
    writeFileSync(join(folder, 'fails'), '3');
    const own = agent();
    await own.install();
    await until(() => launchd.starts >= 3);
    expect((await own.status()).lastFailure ?? '3').toBe('3');
    const before = launchd.starts;
    await sleep(15 * SECOND_MS);
    expect(launchd.starts - before).toBeLessThanOrEqual(3);
  });

  test('is not restarted after a stop between two attempts', async () => {
    writeFileSync(join(folder, 'fails'), '3');
    const own = agent();
    await own.install();
    await until(async () =>
      (await launchd.run('launchctl', ['print', `gui/501/${LABEL}`])).stdout.includes('spawn scheduled'),
    );
    await own.stop();
    const { starts } = launchd;
    await sleep(15 * SECOND_MS);
    expect([launchd.starts, launchd.pid(LABEL)]).toEqual([starts, undefined]);
    rmSync(join(folder, 'fails'));
    await own.start();
    await runs();
  });

  test.each(['install', 'start', 'restart'] as const)('%s recreates deleted folders', async (act) => {
    const own = agent();
    await own.install();
    await runs();
    await own.stop();
    rmSync(join(folder, 'Logs'), { recursive: true });
    await own[act]();
    await runs();
    expect(existsSync(join(folder, 'Logs', 'agent.log'))).toBe(true);
  });

  test('removes its files without a GUI session', async () => {
    await agent().install();
    await launchd.logOut();
    writeFileSync(`${list()}.new`, 'half');
    // Over ssh the user has no domain.
    const own = agent({}, 502);
    await expect(own.status()).rejects.toMatchObject({ code: 'AGENT_FAILED' });
    expect(await own.uninstall()).toBe(true);
    expect(readdirSync(join(folder, 'Library', 'LaunchAgents'))).toEqual([]);
  });

  test('knows its owner, whatever the folder name contains', async () => {
    const launcher = join(folder, `k"i'm & <sons>`, 'agent', 'Sotto');
    expect(agent().owner()).toBe('none');
    await agent({ launcher }).install();
    expect(agent({ launcher }).owner()).toBe('own');
    expect(agent().owner()).toBe('other');
  });

  test('reports the message of launchctl if it fails or is missing', async () => {
    const broken = (code: number, stderr: string): LaunchAgent =>
      new LaunchAgent(
        {
          label: LABEL,
          user: folder,
          launcher: join(folder, 'Sotto'),
          nodes: [],
          command: [],
          log: join(folder, 'log'),
          folder,
          environment: {},
        },
        {
          run: (_, [verb]) =>
            Promise.resolve(
              verb === 'print' && code !== 127
                ? { code: 113, stdout: '', stderr: 'Could not find service' }
                : { code, stdout: '', stderr },
            ),
          uid: 501,
          pause: () => Promise.resolve(),
        },
      );
    await expect(broken(125, 'Domain does not support specified action\n').install()).rejects.toMatchObject({
      code: 'AGENT_FAILED',
      message: 'launchctl bootstrap failed (125): Domain does not support specified action',
    });
    await expect(broken(127, '').status()).rejects.toMatchObject({
      message: expect.stringContaining('launchctl was not found') as unknown,
    });
    // A persistent error 5 is reported in the end.
    await expect(broken(5, 'Bootstrap failed: 5: Input/output error').install()).rejects.toMatchObject({
      message: 'launchctl bootstrap failed (5): Bootstrap failed: 5: Input/output error',
    });
  });

  test('leaves no process and no file after ten cycles of install, update and uninstall', async () => {
    const before = readdirSync(folder);
    const pids: number[] = [];
    for (let cycle = 0; cycle < 10; cycle++) {
      await agent().install();
      pids.push(await runs());
      await agent({ environment: { CYCLE: String(cycle) } }).install();
      await until(() => launchd.pid(LABEL) !== undefined);
      pids.push(launchd.pid(LABEL) ?? -1);
      expect(await agent().uninstall()).toBe(true);
      expect(await agent().uninstall()).toBe(false);
    }
    expect(pids.filter((pid) => isRunning(pid))).toEqual([]);
    rmSync(join(folder, 'pid'));
    const left = readdirSync(folder, { recursive: true }).map(String).sort();
    expect(left.filter((name) => !before.includes(name))).toEqual([
      'Application Support',
      'Library',
      'Library/LaunchAgents',
      'Logs',
      'Logs/agent.log',
    ]);
  });
});

describe('the output of launchctl print', () => {
  const printed = (state: string, ...more: string[]): string =>
    [
      'gui/501/x = {',
      '\tactive count = 1',
      `\tstate = ${state}`,
      ...more,
      '\tendpoints = {',
      '\t\t"pid" = 7',
      '\t}',
      '}',
    ].join('\n');

  test.each([
    [
      printed('running', '\tpid = 4711', '\tlast exit code = (never exited)'),
      { state: 'running', pid: 4711 },
    ],
    [printed('not running', '\tlast exit code = 0'), { state: 'stopped' }],
    [
      printed('spawn scheduled', '\tlast exit code = 78: EX_CONFIG'),
      { state: 'stopped', lastExit: '78: EX_CONFIG' },
    ],
    [
      printed('waiting', '\tlast terminating signal = Killed: 9'),
      { state: 'stopped', lastExit: 'Killed: 9' },
    ],
    ['', { state: 'stopped' }],
  ])('parses %j', (text, expected) => {
    expect(parsePrint(text)).toEqual(expected);
  });
});
