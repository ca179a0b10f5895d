import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { AgentPlan } from '#launchd/agent.js';
import { shellQuote, renderLauncher } from '#launchd/agent-launcher.js';
import { nodePaths } from '#launchd/node-paths.js';

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "so-agent it's "))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A program that reports this version of Node and records its arguments. */
function fakeNode(name: string, version: string, platform = 'linux', arch = 'x64'): string {
  const path = join(folder, name);
  const called = join(folder, 'args');
  const script = `#!/bin/sh
if [ "$1" = -e ]; then exec ${shellQuote(process.execPath)} -e "Object.defineProperty(process.versions, 'node', { value: '${version}' });
Object.defineProperties(process, { platform: { value: '${platform}' }, arch: { value: '${arch}' } }); $2"; fi
printf '%s\\n' ${name} "$@" > ${shellQuote(called)}
`;
  writeFileSync(path, script);
  chmodSync(path, 0o755);
  return path;
}

function launch(nodes: readonly string[], path = '/usr/bin:/bin', change: Partial<AgentPlan> = {}) {
  const entry = join(folder, 'sotto.mjs');
  writeFileSync(entry, '');
  const plan: AgentPlan = {
    label: 'x',
    user: folder,
    launcher: join(folder, 'Sotto'),
    nodes,
    command: [entry, 'daemon', 'run', '--agent'],
    log: join(folder, 'log'),
    folder,
    environment: {},
    ...change,
  };
  writeFileSync(plan.launcher, renderLauncher(plan), { mode: 0o755 });
  const { status, stderr } = spawnSync(plan.launcher, [], { env: { PATH: path }, encoding: 'utf8' });
  const called = (): string[] => readFileSync(join(folder, 'args'), 'utf8').trimEnd().split('\n');
  return { status, stderr, called, expected: [entry, 'daemon', 'run', '--agent'] };
}

describe('the launcher', () => {
  test('runs the daemon with the Node of the installation', () => {
    const { status, called, expected } = launch([
      fakeNode('recorded', '22.1.0'),
      fakeNode('other', '24.0.0'),
    ]);
    expect([status, called()]).toEqual([0, ['recorded', ...expected]]);
  });

  test('uses another Node if that one is missing, but none that is too old', () => {
    const missing = join(folder, 'v22.1.0', 'bin', 'node');
    const { called, expected } = launch([missing, fakeNode('old', '18.20.4'), fakeNode('new', '20.0.0')]);
    expect(called()).toEqual(['new', ...expected]);
  });

  test('uses no Intel build of Node on a Mac', () => {
    const missing = join(folder, 'gone');
    const intel = fakeNode('intel', '24.0.0', 'darwin', 'x64');
    expect(launch([missing, intel], '/nowhere').stderr).toMatch(/on a Mac, built for Apple silicon/);
    const { called, expected } = launch([missing, intel, fakeNode('apple', '22.0.0', 'darwin', 'arm64')]);
    expect(called()).toEqual(['apple', ...expected]);
  });

  test('uses the Node in PATH last', () => {
    fakeNode('node', '21.0.0');
    const { called, expected } = launch([join(folder, 'gone')], `${folder}:/usr/bin:/bin`);
    expect(called()).toEqual(['node', ...expected]);
  });

  test('exits with success and a message if there is no Node, so that it is not restarted forever', () => {
    const { status, stderr } = launch([join(folder, 'gone'), fakeNode('old', '18.0.0')], '/nowhere');
    expect(status).toBe(0);
    expect(stderr).toMatch(
      /Sotto found no Node\.js 20 or later \(.*\): install one, then run: sotto agent install/,
    );
  });

  test('uses the newest Node of nvm', () => {
    for (const version of ['v20.1.0', 'v22.1.0', 'v9.9.0']) {
      mkdirSync(join(folder, '.nvm/versions/node', version, 'bin'), { recursive: true });
      fakeNode(join('.nvm/versions/node', version, 'bin/node'), version.slice(1));
    }
    const { called, expected } = launch([join(folder, '.nvm/versions/node/v18.0.0/bin/node')]);
    expect(called()).toEqual(['.nvm/versions/node/v22.1.0/bin/node', ...expected]);
  });

  test('starts the version that replaced its own', () => {
    const successor = join(folder, 'current.mjs');
    writeFileSync(successor, '');
    const command = [join(folder, 'gone.mjs'), 'daemon', 'run', '--agent'];
    const { called } = launch([fakeNode('node', '22.1.0')], undefined, { command, successor });
    expect(called()).toEqual(['node', successor, 'daemon', 'run', '--agent']);
  });

  test('exits with success and a message if Sotto is missing', () => {
    const command = [join(folder, 'gone.mjs'), 'daemon', 'run'];
    const successor = join(folder, 'current', 'gone.mjs');
    const { status, stderr } = launch([fakeNode('node', '22.1.0')], undefined, { command, successor });
    expect([status, stderr]).toEqual([
      0,
      expect.stringMatching(/Sotto was not found at .*current\/gone\.mjs: /),
    ]);
    expect(existsSync(join(folder, 'args'))).toBe(false);
  });

  test('quotes any word for the shell', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 30 }).filter((word) => !word.includes('\0'));
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 5 }), (words) => {
        const script = `printf '%s\\0' ${words.map(shellQuote).join(' ')}`;
        const out = execFileSync('/bin/sh', ['-c', script], { encoding: 'utf8' });
        expect(out.split('\0').slice(0, -1)).toEqual(words);
      }),
      { numRuns: 60 },
    );
  });
});

describe('the paths of Node', () => {
  test('contain a link that survives an upgrade instead of its current target', () => {
    const cellar = join(folder, 'Cellar', 'node@22', '22.1.0', 'bin');
    mkdirSync(cellar, { recursive: true });
    writeFileSync(join(cellar, 'node'), '');
    mkdirSync(join(folder, 'opt'));
    symlinkSync(join(folder, 'Cellar', 'node@22', '22.1.0'), join(folder, 'opt', 'node@22'));
    const paths = nodePaths(join(cellar, 'node'), folder);
    expect(paths[0]).toBe(join(folder, 'opt/node@22/bin/node'));
    // With this path the agent would be outdated after each upgrade of Node.
    expect(paths).not.toContain(join(cellar, 'node'));
  });

  test('start with the Node of a version manager, followed by the others', () => {
    const current = join(folder, '.nvm/versions/node/v22.1.0/bin/node');
    const paths = nodePaths(current, folder, [], (a, b) => a === b);
    expect(paths[0]).toBe(current);
    expect(paths).toContain('/opt/homebrew/bin/node');
    expect(new Set(paths).size).toBe(paths.length);
  });
});
