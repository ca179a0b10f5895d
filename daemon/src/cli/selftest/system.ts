/** Step 1: the system, and whether macOS lets Sotto's binaries run. */
import { arch, cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { macOnly, type Environment, type Step, type Verdict } from './verdict.js';

export const systemStep: Step = async (environment) => [
  await machine(environment),
  nodeArchitecture(environment),
  ...(await signatures(environment)),
  await quarantine(environment),
];

async function machine({ os, run }: Environment): Promise<Verdict> {
  const version = os === 'darwin' ? (await run('sw_vers', ['-productVersion'])).stdout.trim() : release();
  const chip = cpus()[0]?.model.trim() ?? 'unknown chip';
  const memoryGb = Math.round(totalmem() / 2 ** 30);
  const name = os === 'darwin' ? 'macOS' : os;
  return {
    ...{ name: 'system', verdict: 'ok', found: `${name} ${version}, ${chip}, ${memoryGb} GB` },
    facts: { os, version, chip, memoryGb, cores: cpus().length },
  };
}

function nodeArchitecture({ os, node }: Environment): Verdict {
  const facts = { path: node, version: process.version, arch: arch() };
  const found = `${process.version} for ${arch()} at ${node}`;
  if (os !== 'darwin' || arch() === 'arm64') return { name: 'node', verdict: 'ok', found, facts };
  const advice = 'install Node.js for Apple silicon';
  return { ...{ name: 'node', verdict: 'failed', found: `${found}: not for Apple silicon` }, facts, advice };
}

/** The binaries that macOS judges, by what they are for. */
function binaries({ root, node, os }: Environment): [string, string][] {
  const native = join(root, 'native', 'lib', `${os}-${arch()}`);
  const all: [string, string][] = [
    ['node', node],
    ['addon', join(native, 'sotto-mlx.node')],
    ['MLX', join(native, 'libmlx.dylib')],
    ['metallib', join(native, 'mlx.metallib')],
  ];
  return all;
}

async function signatures(environment: Environment): Promise<Verdict[]> {
  if (environment.os !== 'darwin') return [macOnly('signatures')];
  const found: Verdict[] = [];
  for (const [what, path] of binaries(environment)) {
    if (what === 'metallib') continue; // not code
    const verify = await environment.run('codesign', ['--verify', '--strict', path]);
    // codesign prints what it shows to stderr.
    const { stderr } = await environment.run('codesign', ['-dvv', path]);
    const flags = /flags=(\S+)/.exec(stderr)?.[1];
    const signer =
      /^Authority=(.+)$/m.exec(stderr)?.[1] ?? (/^Signature=adhoc$/m.test(stderr) ? 'ad hoc' : 'none');
    const facts = { path, flags, signer, code: verify.code };
    const name = `signature of ${what}`;
    if (verify.code === 0) {
      found.push({ name, verdict: 'ok', found: `${signer}, flags ${flags ?? 'none'}`, facts });
    } else {
      const why = verify.stderr.trim().split('\n')[0] ?? '';
      const advice = what === 'node' ? 'reinstall Node.js' : 'reinstall Sotto: install.sh repairs it';
      found.push({ name, verdict: 'failed', found: why.replace(`${path}: `, ''), facts, advice });
    }
  }
  return found;
}

async function quarantine(environment: Environment): Promise<Verdict> {
  if (environment.os !== 'darwin') return macOnly('quarantine');
  const marked: string[] = [];
  for (const [, path] of binaries(environment)) {
    const { code } = await environment.run('xattr', ['-p', 'com.apple.quarantine', path]);
    if (code === 0) marked.push(path);
  }
  if (marked.length === 0)
    return { name: 'quarantine', verdict: 'ok', found: 'no file is quarantined', facts: { marked } };
  return {
    ...{ name: 'quarantine', verdict: 'failed', facts: { marked } },
    found: `macOS quarantines ${marked.length} of Sotto’s files`,
    advice: `xattr -dr com.apple.quarantine "${environment.root}"`,
  };
}
