/** The release that the installer chooses for each system, with fake `uname`, `sw_vers` and `sysctl`. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { load, root } from './release-modules.js';

const ALL = {
  'darwin-arm64': 'a'.repeat(64),
  'darwin-arm64-macos26': 'b'.repeat(64),
  'linux-x64': 'c'.repeat(64),
};

let folder: string;
let bin: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'so-system-'));
  bin = join(folder, 'bin');
  mkdirSync(bin);
  for (const name of ['sh', 'dirname', 'mkdir', 'cat', 'rm', 'rmdir', 'cut', 'sha256sum', 'tar', 'sed'])
    symlinkSync(execFileSync('which', [name], { encoding: 'utf8' }).trim(), join(bin, name));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface System {
  readonly name: string;
  readonly arch: string;
  readonly macos?: string;
  readonly isTranslated?: boolean;
}

async function install(
  system: System,
  sums: Record<string, string> = ALL,
): Promise<{ status: number; stderr: string }> {
  const stub = (name: string, line: string): void =>
    writeFileSync(join(bin, name), `#!/bin/sh\n${line}\n`, { mode: 0o755 });
  stub('uname', `[ "$1" = -s ] && echo ${system.name} || echo ${system.arch}`);
  if (system.macos !== undefined) stub('sw_vers', `echo ${system.macos}`);
  stub('sysctl', `echo ${system.isTranslated === true ? 1 : 0}`);
  const { stampScript } = await load('launchd/release/stamp.mjs');
  const template = readFileSync(join(root, 'launchd/install/install.sh'), 'utf8');
  const script = join(folder, 'install.sh');
  writeFileSync(script, stampScript(template, { version: '0.1.0', url: 'https://example.org/latest', sums }));
  const env = {
    PATH: bin,
    HOME: folder,
    SOTTO_HOME: join(folder, 'home'),
    SOTTO_BIN: join(folder, 'command'),
  };
  const { status, stderr } = spawnSync(join(bin, 'sh'), [script], { env, encoding: 'utf8' });
  return { status: status ?? -1, stderr };
}

test.each([
  [{ name: 'Darwin', arch: 'arm64', macos: '14.0' }, 'darwin-arm64'],
  [{ name: 'Darwin', arch: 'arm64', macos: '15.7.1' }, 'darwin-arm64'],
  [{ name: 'Darwin', arch: 'arm64', macos: '26.0' }, 'darwin-arm64'],
  [{ name: 'Darwin', arch: 'arm64', macos: '26.0.1' }, 'darwin-arm64'],
  [{ name: 'Darwin', arch: 'arm64', macos: '26.1' }, 'darwin-arm64'],
  [{ name: 'Darwin', arch: 'arm64', macos: '26.2' }, 'darwin-arm64-macos26'],
  [{ name: 'Darwin', arch: 'arm64', macos: '26.10.1' }, 'darwin-arm64-macos26'],
  [{ name: 'Darwin', arch: 'arm64', macos: '27.0' }, 'darwin-arm64-macos26'],
  [{ name: 'Darwin', arch: 'x86_64', macos: '26.3', isTranslated: true }, 'darwin-arm64-macos26'],
  [{ name: 'Linux', arch: 'x86_64' }, 'linux-x64'],
] as const)('for %p chooses the release for %s', async (system, target) => {
  const { status, stderr } = await install(system);
  expect(status).toBe(3);
  expect(stderr).toContain(
    `curl is needed to download Sotto — download https://example.org/latest/sotto-0.1.0-${target}.tgz`,
  );
});

test('falls back to the file for macOS 14 if a release has none for macOS 26', async () => {
  const { 'darwin-arm64-macos26': _, ...sums } = ALL;
  const { stderr } = await install({ name: 'Darwin', arch: 'arm64', macos: '26.4' }, sums);
  expect(stderr).toContain('/sotto-0.1.0-darwin-arm64.tgz');
});

test.each([
  [{ name: 'Darwin', arch: 'arm64', macos: '13.6' }, /needs macOS 14 or later, but this is 13\.6/],
  [{ name: 'Darwin', arch: 'x86_64', macos: '14.0' }, /needs a Mac with Apple silicon/],
  [{ name: 'FreeBSD', arch: 'amd64' }, /no release for FreeBSD on amd64/],
])('refuses %p', async (system, message) => {
  const { status, stderr } = await install(system);
  expect([status, stderr]).toEqual([3, expect.stringMatching(message)]);
});

test('checks a file next to the script by its own sum, even if a newer file would fit', async () => {
  writeFileSync(join(folder, 'sotto-0.1.0-darwin-arm64.tgz'), 'damaged');
  const { status, stderr } = await install({ name: 'Darwin', arch: 'arm64', macos: '26.4' });
  expect(status).toBe(1);
  expect(stderr).toMatch(/sotto-0\.1\.0-darwin-arm64\.tgz is damaged: its sha256 is [0-9a-f]{64}, not a{64}/);
});
