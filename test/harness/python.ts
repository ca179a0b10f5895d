/**
 * A Python with the packages of python-requirements.txt, for tools written in it: a virtual environment beside
 * node_modules' cache, created once, every file checked against its hash. Without Python or network, suites are skipped
 * with the reason.
 */
import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '#daemon/paths.js';
import { defined } from '#daemon/protocol/defined.js';

const run = promisify(execFile);
const REQUIREMENTS = join(packageRoot, 'test', 'harness', 'python-requirements.txt');
/** Required by schemathesis; the hashes are of wheels from this version on. */
const MIN_VERSION = [3, 11] as const;
const MINUTES_5 = 300_000;

export interface Python {
  /** Runs Python; never rejects. */
  run(args: readonly string[], options?: PythonOptions): Promise<PythonResult>;
}

interface PythonOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly timeoutMs?: number;
}

export interface PythonResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A Python with its packages, or why there is none. */
export async function findPython(): Promise<{ python?: Python; missing?: string }> {
  try {
    const path = await installed();
    return { python: { run: (args, options) => runPython(path, args, options) } };
  } catch (error) {
    const cause = error instanceof Error ? error.message.trim().split('\n').at(-1) : String(error);
    return { missing: `no Python packages: ${cause}` };
  }
}

async function installed(): Promise<string> {
  const system = process.env.SOTTO_PYTHON ?? 'python3';
  const { stdout } = await run(system, ['-c', 'import sys; print("%d.%d" % sys.version_info[:2])']);
  const [major = 0, minor = 0] = stdout.trim().split('.').map(Number);
  if (major !== MIN_VERSION[0] || minor < MIN_VERSION[1])
    throw new Error(`Python ${stdout.trim()} is too old`);
  const list = createHash('sha256').update(readFileSync(REQUIREMENTS)).digest('hex').slice(0, 12);
  const folder = join(packageRoot, 'node_modules', '.cache', `sotto-python-${major}.${minor}-${list}`);
  const path = join(folder, 'bin', 'python');
  if (existsSync(path)) return path;
  mkdirSync(dirname(folder), { recursive: true });
  const draft = `${folder}.${randomUUID().slice(0, 8)}`;
  try {
    await run(system, ['-m', 'venv', draft], { timeout: MINUTES_5 });
    const flags = [
      '--require-hashes',
      '--only-binary=:all:',
      '--disable-pip-version-check',
      '--no-input',
      '-q',
    ];
    await run(join(draft, 'bin', 'python'), ['-m', 'pip', 'install', ...flags, '-r', REQUIREMENTS], {
      timeout: MINUTES_5,
    });
    // Another suite was faster; its folder is equivalent.
    if (!existsSync(path)) renameSync(draft, folder);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return path;
}

async function runPython(
  path: string,
  args: readonly string[],
  { env, cwd, timeoutMs = 100_000 }: PythonOptions = {},
): Promise<PythonResult> {
  try {
    const { stdout, stderr } = await run(path, [...args], {
      ...defined({ cwd }),
      // Compiled modules would modify the shared folder.
      env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1', ...env },
      timeout: timeoutMs,
      maxBuffer: 2 ** 26,
    });
    return { code: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout = '', stderr = '' } = error as { code?: unknown; stdout?: string; stderr?: string };
    return { code: typeof code === 'number' ? code : 1, stdout, stderr };
  }
}
