/**
 * Time from the start of the process to the first text: `sotto transcribe` on an 11 s clip with the starter model,
 * without a daemon, with a daemon that has to start, and with a warm one. Files are in the page cache. `bare` is the
 * start time of the command itself (`sotto --version`).
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { root } from './clips.js';
import { median, printTable, saveResult } from './report.js';

const launcher = join(root, 'daemon/bin/sotto.mjs');
const clip = join(root, 'assets/speech/jfk.flac');

interface Start {
  /** Seconds from spawning to the first byte of output. */
  readonly first: number;
  /** Seconds to the end of the process. */
  readonly end: number;
}

function start(args: string[], env: NodeJS.ProcessEnv): Promise<Start> {
  return new Promise((resolve, reject) => {
    const begin = performance.now();
    const since = () => (performance.now() - begin) / 1000;
    let first: number | undefined;
    const child = spawn(process.execPath, [launcher, ...args], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    child.stdout.on('data', () => (first ??= since()));
    child.on('error', reject);
    // `exit`, not `close`: a daemon that it started may keep the inherited streams open.
    child.on('exit', (code) => {
      if (code === 0 && first !== undefined) resolve({ first, end: since() });
      else reject(new Error(`sotto ${args.join(' ')} ended with exit code ${code}`));
    });
  });
}

export async function cold(argv: string[]): Promise<void> {
  const { values: args } = parseArgs({
    args: argv,
    options: {
      repeat: { type: 'string', default: '5' },
      model: { type: 'string' },
      'save-baseline': { type: 'boolean', default: false },
    },
  });
  const home = mkdtempSync(join(tmpdir(), 'sotto-cold-'));
  const env = { ...process.env, SOTTO_HOME: home };
  const work = ['transcribe', clip, '--language', 'en', ...(args.model ? ['--model', args.model] : [])];
  const stop = () => spawnSync(process.execPath, [launcher, 'daemon', 'stop'], { env });
  const runs: Record<string, Start[]> = { bare: [], 'no daemon': [], 'daemon starts': [], 'daemon warm': [] };
  try {
    await start([...work, '--no-daemon'], env); // fills the page cache
    for (let i = 0; i < Number(args.repeat); i++) {
      runs.bare?.push(await start(['--version'], env));
      runs['no daemon']?.push(await start([...work, '--no-daemon'], env));
      runs['daemon starts']?.push(await start(work, env));
      runs['daemon warm']?.push(await start(work, env));
      stop();
    }
  } finally {
    stop();
    rmSync(home, { recursive: true, force: true });
  }
  const rows = Object.entries(runs).map(([name, starts]) => ({
    name,
    first: median(starts.map(({ first }) => first)),
    end: median(starts.map(({ end }) => end)),
  }));
  printTable(
    ['sotto transcribe jfk.flac (11 s)', 'first text, s', 'end, s'],
    rows.map(({ name, first, end }) => [name, first.toFixed(2), end.toFixed(2)]),
  );
  saveResult('cold', { repeat: Number(args.repeat), rows }, args['save-baseline']);
}
