/**
 * Reruns the differential tests of the CPU kernels in fresh processes, one per instruction set. All are
 * compiled from the same source, but tile, convert and round with different instructions.
 */
import { expect } from '@jest/globals';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { mx } from '#native/index.js';
import { testUnless } from '#test/harness/skipping.js';
import { missingKernels } from './cpu-kernel-cases.js';

const root = path.resolve(import.meta.dirname, '../../..');
const suites = ['cpu-kernels', 'cpu-linear', 'cpu-attention', 'cpu-snake', 'nn-packed'];
const [best, current] =
  missingKernels === undefined ? [bestOfProcessor(), mx.cpu.instructionSet()] : ['none', 'none'];
const ALL = ['baseline', 'avx2', 'avx512'];

/** This process uses the processor's best set, unless the environment sets a lower one. */
function bestOfProcessor(): string {
  return process.env.SOTTO_CPU_ISA === undefined ? mx.cpu.instructionSet() : 'unknown';
}

const others = ALL.slice(0, Math.max(0, ALL.indexOf(best)));
const missing =
  missingKernels ?? (others.length > 0 ? undefined : `no other instruction set: only ${current}`);

function run(args: string[], isa: string): Promise<{ code: unknown; output: string }> {
  const { JEST_WORKER_ID: _, ...env } = process.env;
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['--experimental-vm-modules', '--no-warnings', ...args],
      { cwd: root, env: { ...env, SOTTO_CPU_ISA: isa }, maxBuffer: 1 << 26 },
      (error, stdout, stderr) => {
        resolve({ code: error ? (error.code ?? error.signal) : 0, output: stdout + stderr });
      },
    );
  });
}

testUnless(missing).each(others.length > 0 ? others : ALL)(
  'the kernels agree with MLX’s ops on %s',
  async (isa) => {
    const script = `import('#native/index.js').then(({ mx }) => console.log(mx.cpu.instructionSet()))`;
    expect((await run(['-e', script], isa)).output.trim()).toBe(isa);
    const files = suites.map((suite) => path.join(root, `dist/test/native/${suite}.test.js`));
    const { code, output } = await run(['node_modules/jest/bin/jest.js', '--runInBand', ...files], isa);
    if (code !== 0) throw new Error(`on ${isa} (${String(code)}):\n${output.slice(-20_000)}`);
    expect(output).toMatch(/Tests: .*\d+ passed/);
  },
);
