// Everything that build steps use of the machine, in one object that tests can replace.
import { execFile, execFileSync } from 'node:child_process';
import os from 'node:os';
import process from 'node:process';

/** A failure with one sentence and a next step. Any other error is a bug of the build. */
export class SetupError extends Error {
  constructor(message, nextStep, details = '') {
    super(message);
    this.name = 'SetupError';
    this.nextStep = nextStep;
    this.details = details;
  }
}

/**
 * The real machine. `macosVersion` (e.g. 26.2) exists on a Mac only. `run` never rejects: a command that
 * fails to start has `code` -1.
 */
export function thisSystem() {
  return {
    platform: process.platform,
    arch: process.arch,
    macosVersion: () => execFileSync('sw_vers', ['-productVersion'], { encoding: 'utf8' }).trim(),
    env: process.env,
    cores: Math.max(1, os.availableParallelism?.() ?? os.cpus().length),
    glibc: () => process.report?.getReport()?.header?.glibcVersionRuntime,
    log: (line) => console.log(`setup: ${line}`),
    run,
  };
}

function run(command, args, options = {}) {
  return new Promise((resolve) => {
    execFile(command, args, { maxBuffer: 64 << 20, ...options }, (error, stdout, stderr) => {
      const code = error ? (typeof error.code === 'number' ? error.code : -1) : 0;
      resolve({ code, stdout: String(stdout), stderr: String(stderr) || (code === -1 ? String(error) : '') });
    });
  });
}

const TARGETS = ['darwin-arm64', 'linux-x64', 'linux-arm64'];

/** `<platform>-<arch>` of the machine. @throws SetupError if MLX has no prebuilt library for it */
export function targetOf(system) {
  const target = `${system.platform}-${system.arch}`;
  if (TARGETS.includes(target)) return target;
  if (target === 'darwin-x64') {
    throw new SetupError(
      'This Node is an Intel build; MLX runs on Apple silicon only.',
      'On an Apple silicon Mac, install the arm64 build of Node (`node -p process.arch` must print arm64).',
    );
  }
  throw new SetupError(
    `Sotto's native addon does not support ${target}.`,
    `Use one of ${TARGETS.join(', ')}.`,
  );
}

/** Compares dotted numbers: negative if `a` is older than `b`. */
export function compareVersions(a, b) {
  const left = a.split('.').map(Number);
  const right = b.split('.').map(Number);
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
