/**
 * Device memory of a model: predicted from the headers of its files before loading, and measured by MLX while it
 * transcribes a file, does so with word timestamps, and dictates, each in a separate process.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { convert } from '#daemon/models/whisper/checkpoint/convert.js';
import { starterModel } from './in-process.js';
import type { Measured, Workload } from './memory-worker.js';
import { writeRandomWhisper } from './random-whisper.js';
import { printTable, saveResult } from './report.js';
import { defined } from '#daemon/protocol/defined.js';

const WORKER = fileURLToPath(new URL('memory-worker.js', import.meta.url));
const USES: readonly Workload[] = ['file', 'words', 'live'];
const TIMEOUT_MS = 900_000;

interface Subject {
  readonly name: string;
  /** Returns the model directory, creating it if necessary; undefined if it is not available. */
  readonly dir: (scratch: string) => Promise<string | undefined>;
  /** Random weights never give an acceptable text, so one attempt per window is enough. */
  readonly meaningless?: boolean;
}

const weights = process.env.SOTTO_TEST_WEIGHTS ?? '';
const stored = (name: string): Promise<string | undefined> =>
  Promise.resolve(existsSync(join(weights, name, 'config.json')) ? join(weights, name) : undefined);

const quantizedBase = (bits: 4 | 8): Subject => ({
  name: `whisper-base-${bits}bit`,
  dir: async (scratch) => {
    const [base, out] = [await stored('whisper-base'), join(scratch, `whisper-base-${bits}bit`)];
    if (base === undefined) return undefined;
    mkdirSync(out);
    await convert(base, out, { bits, groupSize: 64, dtype: 'float16' }, {});
    return out;
  },
});

const randomTurbo = (bits?: 4 | 8): Subject => {
  const name = bits === undefined ? 'random-turbo' : `random-turbo-${bits}bit`;
  return {
    name,
    meaningless: true,
    dir: (scratch) => {
      writeRandomWhisper(join(scratch, name), { size: 'turbo', ...defined({ bits }) });
      return Promise.resolve(join(scratch, name));
    },
  };
};

const SUBJECTS: readonly Subject[] = [
  { name: 'whisper-tiny.en', dir: () => stored('whisper-tiny.en') },
  { name: 'whisper-base', dir: () => stored('whisper-base') },
  { name: basename(starterModel()), dir: () => Promise.resolve(starterModel()) },
  quantizedBase(8),
  quantizedBase(4),
  randomTurbo(),
  randomTurbo(8),
  randomTurbo(4),
];

export async function memory(argv: string[]): Promise<void> {
  const { values: args } = parseArgs({
    args: argv,
    options: {
      only: { type: 'string' },
      uses: { type: 'string', default: USES.join(',') },
      'save-baseline': { type: 'boolean', default: false },
    },
  });
  const scratch = mkdtempSync(join(tmpdir(), 'sotto-memory-'));
  const measured: ({ model: string; use: Workload } & Measured)[] = [];
  try {
    for (const subject of SUBJECTS) {
      if (args.only !== undefined && !args.only.split(',').includes(subject.name)) continue;
      const dir = await subject.dir(scratch);
      if (dir === undefined) {
        console.error(`${subject.name} is skipped: $SOTTO_TEST_WEIGHTS is not a folder that contains it`);
        continue;
      }
      for (const use of USES.filter((one) => args.uses.split(',').includes(one))) {
        measured.push({ model: subject.name, use, ...measure(dir, use, subject.meaningless === true) });
        console.error(`${subject.name}: ${use}`);
      }
      if (dir.startsWith(scratch)) rmSync(dir, { recursive: true });
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  report(measured);
  saveResult('memory', { measured }, args['save-baseline']);
}

function measure(dir: string, use: Workload, meaningless: boolean): Measured {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--no-warnings', WORKER, dir, use, ...(meaningless ? ['once'] : [])],
    { encoding: 'utf8', timeout: TIMEOUT_MS },
  );
  if (status !== 0) throw new Error(`${basename(dir)}, ${use}: ${stderr.trim().slice(-500)}`);
  return JSON.parse(stdout) as Measured;
}

function report(measured: readonly ({ model: string; use: Workload } & Measured)[]): void {
  const mb = (bytes: number): string => (bytes / 1e6).toFixed(1);
  printTable(
    [
      'model',
      'use',
      'weights, MB',
      'predicted',
      'work, MB',
      'predicted',
      'both, MB',
      'predicted',
      'error',
      'peak in loading, MB',
      'peak RSS, MB',
    ],
    measured.map(({ model, use, predicted, ...got }) => {
      const [both, expected] = [got.weightBytes + got.workBytes, predicted.weightBytes + predicted.work[use]];
      const off = (expected / both - 1) * 100;
      return [
        model,
        use,
        mb(got.weightBytes),
        mb(predicted.weightBytes),
        mb(got.workBytes),
        mb(predicted.work[use]),
        mb(both),
        mb(expected),
        `${off < 0 ? '−' : '+'}${Math.abs(off).toFixed(1)} %`,
        mb(got.loadPeakBytes),
        mb(got.peakRssBytes),
      ];
    }),
  );
}
