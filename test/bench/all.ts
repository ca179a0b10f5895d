/**
 * Runs every bench with a baseline, each in a separate process, then writes FIGURES.md and the table of the README from
 * the baselines.
 *
 *     SOTTO_BASE=DIR SOTTO_TEST_WEIGHTS=DIR npm run bench -- all --save-baseline [--only NAME,…] [--again] [--list]
 *
 * Resumes after an interruption: benches done at this commit are not repeated (--again repeats them). Skips a bench whose
 * weights or peers are not set up, with the reason. Short benches run first.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { root } from './clips.js';
import { writeFigures } from './figures-files.js';
import { starterModel } from './in-process.js';
import { measuredTree, printTable } from './report.js';

type Need =
  'base' | 'weights' | 'scorer' | 'ratings' | 'faster-whisper' | 'torch' | 'speech' | 'streaming peers';

interface Step {
  readonly name: string;
  readonly args?: readonly string[];
  /** Approximate duration on two cores. */
  readonly minutes: number;
  /** Requirements; optional peers are not listed. */
  readonly needs: readonly Need[];
}

export const STEPS: readonly Step[] = [
  { name: 'restart', minutes: 1, needs: [] },
  { name: 'cold', minutes: 1, needs: [] },
  { name: 'overhead', minutes: 1, needs: [] },
  { name: 'capture', minutes: 2, needs: [] },
  { name: 'idle', minutes: 3, needs: [] },
  { name: 'api', minutes: 4, needs: [] },
  { name: 'loading', minutes: 6, needs: ['weights'] },
  { name: 'memory', minutes: 8, needs: ['weights'] },
  { name: 'memory-length', minutes: 8, needs: [] },
  { name: 'worker', minutes: 2, needs: [] },
  { name: 'load', minutes: 12, needs: [] },
  { name: 'wer', minutes: 6, needs: ['scorer', 'base', 'speech'] },
  { name: 'codec-quality', minutes: 6, needs: ['base', 'scorer', 'ratings', 'speech'] },
  { name: 'words', minutes: 8, needs: ['base', 'speech', 'faster-whisper', 'torch'] },
  { name: 'profile', minutes: 4, needs: ['base', 'speech'] },
  { name: 'offline', minutes: 20, needs: ['base', 'scorer', 'speech', 'faster-whisper'] },
  { name: 'long-form', minutes: 15, needs: ['base', 'scorer', 'speech', 'faster-whisper'] },
  { name: 'live-windows', minutes: 20, needs: ['base', 'scorer', 'speech'] },
  { name: 'languages', minutes: 20, needs: ['base', 'scorer', 'speech'] },
  { name: 'hotwords', minutes: 30, needs: ['base', 'scorer', 'speech'] },
  {
    name: 'hotwords',
    args: ['--live', '--max-clips', '24', '--half', 'b', '--model', starterModel()],
    minutes: 15,
    needs: ['scorer', 'speech'],
  },
  { name: 'silence', minutes: 40, needs: ['speech'] },
  { name: 'streaming', minutes: 45, needs: ['base', 'scorer', 'speech', 'streaming peers'] },
  { name: 'batch', minutes: 22, needs: [] },
  {
    name: 'kills',
    args: ['--engine', '200', '--daemon', '200', '--real', '100', '--real-daemon', '100'],
    minutes: 60,
    needs: [],
  },
  { name: 'quality', minutes: 90, needs: ['base', 'scorer', 'speech', 'faster-whisper', 'torch'] },
];

/** Why a requirement is missing, or undefined. */
function missing(need: Need): string | undefined {
  const reference = join(root, 'test/reference');
  const needs: Record<Need, readonly [isAvailable: boolean, what: string]> = {
    base: [existsSync(process.env.SOTTO_BASE ?? ''), 'SOTTO_BASE is not a float16 model directory of base'],
    weights: [
      existsSync(join(process.env.SOTTO_TEST_WEIGHTS ?? '', 'whisper-base')),
      'SOTTO_TEST_WEIGHTS is not a folder with whisper-base and whisper-tiny.en',
    ],
    scorer: [existsSync(join(reference, '.venv/bin/python')), 'run test/reference/setup.sh'],
    ratings: [existsSync(join(reference, '.venv-mos/bin/python')), 'run test/reference/setup.sh mos'],
    'faster-whisper': [existsSync(join(reference, '.venv-ct2')), 'run test/bench/peers/setup.sh FLOAT16_DIR'],
    torch: [existsSync(join(reference, '.venv-torch')), 'run test/reference/setup.sh torch'],
    speech: [
      [process.env.SOTTO_SPEECH, join(root, '../shared/speech')].some((dir) => existsSync(dir ?? '')),
      'SOTTO_SPEECH is not a folder with the open clips',
    ],
    'streaming peers': [
      existsSync(join(reference, '.venv-src/whisper_streaming')),
      'the checkouts of the streaming peers are not in test/reference/.venv-src',
    ],
  };
  const [isAvailable, what] = needs[need];
  return isAvailable ? undefined : what;
}

const State = z.object({ commit: z.string(), steps: z.record(z.string(), z.string()) });
const main = fileURLToPath(new URL('./main.js', import.meta.url));
const stateFile = join(root, 'test/bench/results/all.json');

export function all(argv: string[]): Promise<void> {
  const { values: args } = parseArgs({
    args: argv,
    options: {
      only: { type: 'string' },
      again: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      'save-baseline': { type: 'boolean', default: false },
    },
  });
  const wanted = args.only?.split(',');
  const steps = STEPS.filter(({ name }) => wanted?.includes(name) ?? true);
  const { commit } = measuredTree();
  // A run without a saved baseline does not count as done when baselines are saved.
  const run = `${commit}${args['save-baseline'] ? ', kept' : ''}`;
  const done = args.again ? {} : readDoneSteps(run);
  for (const step of args.list ? [] : steps) {
    const id = idOf(step);
    if (done[id] === 'done') continue;
    done[id] = measure(step, args['save-baseline']);
    writeState({ commit: run, steps: done });
  }
  printTable(
    ['bench', 'minutes, about', 'result'],
    steps.map((step) => [idOf(step), String(step.minutes), done[idOf(step)] ?? plan(step)]),
  );
  if (!args.list && args['save-baseline']) writeFigures();
  if (steps.some((step) => done[idOf(step)]?.startsWith('failed'))) process.exitCode = 1;
  return Promise.resolve();
}

const idOf = ({ name, args = [] }: Step): string => (args.includes('--live') ? `${name} --live` : name);

const missingNeeds = ({ needs }: Step): string[] => needs.map(missing).filter((why) => why !== undefined);

function plan(step: Step): string {
  const why = missingNeeds(step);
  return why.length === 0 ? 'can run' : `would be skipped: ${why.join('; ')}`;
}

function measure(step: Step, asBaseline: boolean): string {
  const why = missingNeeds(step);
  if (why.length > 0) {
    console.error(`${idOf(step)} skipped: ${why.join('; ')}`);
    return `skipped: ${why.join('; ')}`;
  }
  console.log(`\n=== ${idOf(step)} (about ${step.minutes} min)`);
  const argv = ['--expose-gc', main, step.name, ...(step.args ?? [])];
  const { status, signal } = spawnSync(
    process.execPath,
    [...argv, ...(asBaseline ? ['--save-baseline'] : [])],
    {
      stdio: 'inherit',
      cwd: root,
    },
  );
  if (signal === 'SIGINT') process.exit(130);
  return status === 0 ? 'done' : `failed: exit code ${status ?? signal ?? '?'}`;
}

function readDoneSteps(run: string): Record<string, string> {
  if (!existsSync(stateFile)) return {};
  const state = State.safeParse(JSON.parse(readFileSync(stateFile, 'utf8')));
  return state.success && state.data.commit === run ? state.data.steps : {};
}

function writeState(state: z.infer<typeof State>): void {
  mkdirSync(dirname(stateFile), { recursive: true });
  writeFileSync(stateFile, JSON.stringify(state, null, 2) + '\n');
}
