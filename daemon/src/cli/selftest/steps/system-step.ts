/** Step 1: the system, and whether macOS lets Sotto's binaries run. */
import { existsSync, readdirSync } from 'node:fs';
import { arch, cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { isValid, parseSignature, quarantined } from '../codesign.js';
import { macOnly, unknown, type Environment, type Step, type CheckResult } from '../check-result.js';

export const systemStep: Step = async function* (environment) {
  yield await machine(environment);
  yield nodeArchitecture(environment);
  if (environment.os !== 'darwin') {
    yield macOnly('signatures');
    yield macOnly('quarantine');
    return;
  }
  const all = binaries(environment);
  for (const [what, path] of all) yield await signature(environment, what, path);
  yield await quarantine(environment);
};

async function machine({ os, run }: Environment): Promise<CheckResult> {
  const memoryGb = Math.round(totalmem() / 2 ** 30);
  const cores = cpus().length;
  if (os !== 'darwin') {
    const chip = cpus()[0]?.model.trim() ?? 'unknown chip';
    const message = `${os} ${release()}, ${chip}, ${memoryGb} GB`;
    return {
      name: 'system',
      status: 'ok',
      message,
      facts: { os, version: release(), chip, memoryGb, cores },
    };
  }
  const version = await lineOf(run('sw_vers', ['-productVersion']), /^\d+(\.\d+)*$/);
  const build = await lineOf(run('sw_vers', ['-buildVersion']), /^\w+$/);
  const chip = await lineOf(run('sysctl', ['-n', 'machdep.cpu.brand_string']), /^.+$/);
  const model = await lineOf(run('sysctl', ['-n', 'hw.model']), /^\S+$/);
  // 1 under Rosetta, which runs an Intel Node.
  const translated = await lineOf(run('sysctl', ['-n', 'sysctl.proc_translated']), /^[01]$/);
  const facts = { os, version, build, chip, model, translated, memoryGb, cores };
  const message = `macOS ${version ?? 'of unknown version'}, ${chip ?? 'unknown chip'}, ${memoryGb} GB`;
  return { name: 'system', status: 'ok', message, facts };
}

/** The line that a command prints, if it has the expected form. */
async function lineOf(ran: ReturnType<Environment['run']>, pattern: RegExp): Promise<string | undefined> {
  const { code, stdout } = await ran;
  const line = stdout.trim();
  return code === 0 && pattern.test(line) ? line : undefined;
}

function nodeArchitecture({ os, node }: Environment): CheckResult {
  const facts = { path: node, version: process.version, arch: arch() };
  const message = `${process.version} for ${arch()} at ${node}`;
  if (os !== 'darwin' || arch() === 'arm64') return { name: 'node', status: 'ok', message, facts };
  const advice = 'install Node.js for Apple silicon';
  return { name: 'node', status: 'failed', message: `${message}: not for Apple silicon`, facts, advice };
}

/** The binaries that macOS checks, by purpose. */
export function binaries({ root, node, os }: Pick<Environment, 'root' | 'node' | 'os'>): [string, string][] {
  const target = `${os}-${os === 'darwin' ? 'arm64' : arch()}`;
  const native = join(root, 'native', 'lib', target);
  const sqlite = join(root, 'node_modules', '@photostructure', 'sqlite', 'prebuilds', target);
  return [
    ['node', node],
    ['addon', join(native, 'sotto-mlx.node')],
    // Part of the wheel: native/vendor/mlx-…/mlx/lib.
    ['MLX', below(join(root, 'native', 'vendor'), /[/\\]libmlx\.dylib$/) ?? 'libmlx.dylib'],
    ['sotto-mic', join(native, 'sotto-mic')],
    ['SQLite', below(sqlite, /\.node$/) ?? 'sqlite.node'],
  ];
}

/** The first match in a folder and below. */
function below(folder: string, pattern: RegExp): string | undefined {
  if (!existsSync(folder)) return undefined;
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
  return names.map((name) => join(folder, name)).find((path) => pattern.test(path));
}

async function signature({ run }: Environment, what: string, path: string): Promise<CheckResult> {
  const name = `signature of ${what}`;
  const advice = what === 'node' ? 'reinstall Node.js' : 'reinstall Sotto: install.sh repairs it';
  if (!existsSync(path))
    return { name, status: 'failed', message: `${path} is missing`, facts: { path }, advice };
  const verified = await run('codesign', ['--verify', '--strict', path]);
  // codesign prints to stderr.
  const { stderr: shown } = await run('codesign', ['-dvv', path]);
  const valid = isValid(verified);
  const { flags, signer, isHardened } = parseSignature(shown);
  const facts = { path, flags, signer, isHardened, code: verified.code };
  if (valid === undefined) return unknown(name, 'codesign is not responding', `${verified.stderr}${shown}`);
  if (!valid) {
    const why = (verified.stderr.trim().split('\n')[0] ?? '').replace(`${path}: `, '');
    return { name, status: 'failed', message: why === '' ? 'invalid' : why, facts, advice };
  }
  const message = `valid, signed by ${signer ?? 'unknown'}, flags ${flags ?? 'unknown'}`;
  const isRead = signer !== undefined && flags !== undefined;
  return { name, status: 'ok', message, facts: { ...facts, ...(!isRead && { raw: shown.slice(0, 2000) }) } };
}

async function quarantine(environment: Environment): Promise<CheckResult> {
  const { root, run } = environment;
  // In a clone, tests and development packages don't matter.
  const native = join(root, 'native');
  const others = binaries(environment).map(([, path]) => path);
  const places = [native, ...others.filter((path) => !path.startsWith(native))];
  const { code, stdout, stderr } = await run('xattr', ['-lr', ...places.filter((path) => existsSync(path))]);
  const marked = quarantined(stdout);
  if (marked.length > 0)
    return {
      ...{ name: 'quarantine', status: 'failed', facts: { marked } },
      message: `macOS quarantines ${marked.length} of Sotto’s files`,
      advice: `xattr -dr com.apple.quarantine "${root}"`,
    };
  if (code !== 0 || stdout.includes('com.apple.quarantine'))
    return unknown('quarantine', 'output of xattr', `${stderr}\n${stdout}`);
  return { name: 'quarantine', status: 'ok', message: 'no file is quarantined', facts: { marked } };
}
