import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { AgentPlan } from '#launchd/agent.js';
import type { CommandResult } from '#launchd/run.js';
import { renderUnit, SystemdAgent } from '#launchd/systemd.js';
import { testUnless } from '#test/harness/skipping.js';

const LABEL = 'com.sotto.test';

let folder: string;
let plan: AgentPlan;
let systemctl: FakeSystemctl;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'so-systemd-'));
  systemctl = new FakeSystemctl(join(folder, 'units'));
  plan = {
    label: LABEL,
    user: folder,
    launcher: join(folder, 'agent', 'Sotto'),
    nodes: ['/usr/bin/node'],
    command: ['/opt/sotto.mjs', 'daemon', 'run', '--agent'],
    log: join(folder, 'logs', 'agent.log'),
    folder,
    environment: { PATH: '/usr/bin:/bin' },
  };
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Fake `systemctl --user` with one unit: it uses the version that it last loaded, not the one on disk. */
class FakeSystemctl {
  loaded: string | undefined;
  enabled = false;
  pid = 0;
  /** Whether it waits to restart a failed unit. */
  isScheduled = false;
  starts = 0;
  readonly #units: string;

  constructor(units: string) {
    this.#units = units;
  }

  readonly run = (_command: string, [, verb = '', ...rest]: readonly string[]): Promise<CommandResult> =>
    Promise.resolve(this.#serve(verb, rest));

  #serve(verb: string, rest: readonly string[]): CommandResult {
    const path = join(this.#units, `${LABEL}.service`);
    const done: CommandResult = { code: 0, stdout: '', stderr: '' };
    switch (verb) {
      case 'daemon-reload':
        this.loaded = existsSync(path) ? readFileSync(path, 'utf8') : undefined;
        return done;
      case 'show': {
        const load = this.loaded === undefined ? 'not-found' : 'loaded';
        const active = this.pid > 0 ? 'active' : this.isScheduled ? 'activating' : 'inactive';
        const stdout = `LoadState=${load}\nActiveState=${active}\nMainPID=${this.pid}\nResult=success\n`;
        return { ...done, stdout };
      }
      case 'reset-failed':
        return done;
    }
    if (this.loaded === undefined)
      return { code: 5, stdout: '', stderr: `Unit ${LABEL}.service not found.\n` };
    if (verb === 'enable') this.enabled = true;
    if (verb === 'disable') this.enabled = false;
    if (verb === 'stop' || rest[0] === '--now') [this.pid, this.isScheduled] = [0, false];
    if (verb === 'restart' || (verb === 'start' && this.pid === 0)) this.pid = 100 + ++this.starts;
    return done;
  }
}

const agent = (change: Partial<AgentPlan> = {}): SystemdAgent =>
  new SystemdAgent({ ...plan, ...change }, { run: systemctl.run, units: join(folder, 'units') });

describe('the systemd agent', () => {
  test('runs after installation and at login, and a second installation changes nothing', async () => {
    expect(await agent().install()).toBe(true);
    expect(await agent().status()).toMatchObject({ installed: 'yes', state: 'running', pid: 101 });
    expect(systemctl.enabled).toBe(true);
    expect(await agent().install()).toBe(false);
    expect(systemctl.starts).toBe(1);
  });

  test('is reloaded and restarted by another version', async () => {
    await agent().install();
    const newer = agent({ environment: { PATH: '/new' } });
    expect((await newer.status()).installed).toBe('outdated');
    await newer.install();
    expect(systemctl.loaded).toContain('PATH=/new');
    expect(systemctl.pid).toBe(102);
  });

  test('stops, starts and uninstalls without a trace', async () => {
    await expect(agent().start()).rejects.toMatchObject({ code: 'AGENT_FAILED' });
    await agent().install();
    await agent().stop();
    expect((await agent().status()).state).toBe('stopped');
    await agent().start();
    expect(await agent().uninstall()).toBe(true);
    expect(await agent().uninstall()).toBe(false);
    expect([systemctl.pid, systemctl.enabled, systemctl.loaded]).toEqual([0, false, undefined]);
    expect(existsSync(plan.launcher)).toBe(false);
  });

  test('is not restarted after a stop between two attempts', async () => {
    await agent().install();
    [systemctl.pid, systemctl.isScheduled] = [0, true];
    await agent().stop();
    expect(systemctl.isScheduled).toBe(false);
  });

  test.each(['install', 'start', 'restart'] as const)('%s recreates deleted folders', async (act) => {
    await agent().install();
    await agent().stop();
    rmSync(join(folder, 'logs'), { recursive: true });
    await agent()[act]();
    expect(existsSync(join(folder, 'logs'))).toBe(true);
  });

  test('removes its files and its start link if systemd is unavailable', async () => {
    await agent().install();
    const units = join(folder, 'units');
    const link = join(units, 'default.target.wants', `${LABEL}.service`);
    mkdirSync(dirname(link));
    symlinkSync(join(units, `${LABEL}.service`), link);
    writeFileSync(join(units, `${LABEL}.service.new`), 'half');
    const refused = { code: 1, stdout: '', stderr: 'Failed to connect to bus: No medium found\n' };
    const alone = new SystemdAgent(plan, { run: () => Promise.resolve(refused), units });
    expect(await alone.uninstall()).toBe(true);
    expect(await alone.uninstall()).toBe(false);
    expect([readdirSync(units), existsSync(plan.launcher)]).toEqual([[], false]);
  });

  test('knows its owner, whatever the folder name contains', async () => {
    const launcher = join(folder, `k"i'm 100% $HOME`, 'agent', 'Sotto');
    expect(agent().owner()).toBe('none');
    await agent({ launcher }).install();
    expect(agent({ launcher }).owner()).toBe('own');
    expect(agent().owner()).toBe('other');
  });

  test('reports the message of systemctl if it fails', async () => {
    const broken = new SystemdAgent(plan, {
      run: () =>
        Promise.resolve({ code: 1, stdout: '', stderr: 'Failed to connect to bus: No medium found\n' }),
      units: folder,
    });
    await expect(broken.install()).rejects.toMatchObject({
      message: 'systemctl show failed (1): Failed to connect to bus: No medium found',
    });
  });
});

describe('the unit', () => {
  const isInstalled = spawnSync('systemd-analyze', ['--version']).status === 0;
  const analyze = testUnless(isInstalled ? undefined : 'no systemd: systemd-analyze is not installed');

  analyze.each(['/a b', '/100% "ö"', "/k'im", '/$HOME', '/back\\slash'])(
    'is valid for systemd in %s',
    (name) => {
      const home = join(folder, name);
      const launcher = join(home, 'agent', 'Sotto');
      mkdirSync(join(home, 'agent'), { recursive: true });
      writeFileSync(launcher, '#!/bin/sh\n', { mode: 0o755 });
      const file = join(folder, `${LABEL}.service`);
      writeFileSync(file, renderUnit({ ...plan, launcher, folder: home, log: join(home, 'log') }));
      const { stderr } = spawnSync('systemd-analyze', ['--user', 'verify', file], {
        env: { ...process.env, HOME: folder, XDG_RUNTIME_DIR: folder },
        encoding: 'utf8',
        timeout: 20_000,
      });
      expect(stderr.split('\n').filter((line) => line.includes(LABEL))).toEqual([]);
    },
  );

  test('escapes the special characters of systemd', () => {
    const unit = renderUnit({ ...plan, launcher: '/a b/100%/"$x"/Sotto', environment: { A: 'x y' } });
    expect(unit).toContain('ExecStart=/bin/sh "/a b/100%%/\\"$$x\\"/Sotto"');
    expect(unit).toContain('Environment="A=x y"');
    expect(unit).toMatch(/^\[Install\]\nWantedBy=default\.target$/m);
  });
});
