/**
 * Restart time of the daemon: from its start to the first answered `hello`, to an engine with a warm model, and the time
 * that it needs to stop. Started as by the login agent, with the starter model in the disk cache. A connected client
 * reconnects within that time and loses nothing.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { SottoClient } from '#daemon/client/index.js';
import { resolvePaths, type Paths } from '#daemon/paths.js';
import { root } from './clips.js';
import { median, printTable, quantile, saveResult } from './report.js';

const launcher = join(root, 'daemon/bin/sotto.mjs');
/** Polling interval, which limits the precision. */
const POLL_MS = 2;

interface Run {
  /** Milliseconds from the start of the process. */
  readonly accepting: number;
  readonly warm: number;
  /** From the signal to the end of the process. */
  readonly end: number;
}

export async function restart(argv: string[]): Promise<void> {
  const { values: args } = parseArgs({
    args: argv,
    options: {
      repeat: { type: 'string', default: '12' },
      'save-baseline': { type: 'boolean', default: false },
    },
  });
  const home = mkdtempSync(join(tmpdir(), 'so-re-'));
  const paths = resolvePaths({ SOTTO_HOME: home });
  const runs: Record<string, Run[]> = { SIGTERM: [], SIGKILL: [] };
  try {
    await once(paths, 'SIGTERM'); // fills the caches
    for (let i = 0; i < Number(args.repeat); i++) {
      runs.SIGTERM?.push(await once(paths, 'SIGTERM'));
      runs.SIGKILL?.push(await once(paths, 'SIGKILL'));
    }
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
  const rows = Object.entries(runs).map(([before, all]) => {
    const of = (name: keyof Run): number[] => all.map((run) => run[name]);
    return {
      before,
      endMs: median(of('end')),
      acceptingMs: median(of('accepting')),
      acceptingWorstMs: quantile(of('accepting'), 0.95),
      warmMs: median(of('warm')),
    };
  });
  printTable(
    ['previous daemon', 'stop, ms', 'start → accepting, ms', 'p95', 'start → model warm, ms'],
    rows.map(({ before, ...figures }) => [before, ...Object.values(figures).map((ms) => ms.toFixed(0))]),
  );
  saveResult('restart', { repeat: Number(args.repeat), rows }, args['save-baseline']);
}

/** Starts and stops a daemon in a home that was used before. */
async function once(paths: Paths, signal: NodeJS.Signals): Promise<Run> {
  const startedAtMs = performance.now();
  const child = spawn(process.execPath, [launcher, 'daemon', 'run', '--agent'], {
    env: { ...process.env, SOTTO_HOME: paths.home },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const ended = endOf(child);
  const client = await hello(paths.socket);
  const accepting = performance.now() - startedAtMs;
  while ((await client.status()).state !== 'ready') await sleep(POLL_MS);
  const warm = performance.now() - startedAtMs;
  client.close();
  await sleep(100);
  const signalledAtMs = performance.now();
  child.kill(signal);
  await ended;
  return { accepting, warm, end: performance.now() - signalledAtMs };
}

async function hello(socket: string): Promise<SottoClient> {
  for (;;) {
    try {
      return await SottoClient.connect(socket, 'bench');
    } catch {
      await sleep(POLL_MS);
    }
  }
}

function endOf(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', () => resolve());
  });
}
