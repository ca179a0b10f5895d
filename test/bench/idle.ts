/**
 * What Sotto takes while nobody speaks: processor time and wake-ups of the daemon and its engine, with the model warm, over a
 * minute that begins when all is calm. Linux: it is read from /proc. A machine that never sleeps for it would show here.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { SottoClient } from '#daemon/client/index.js';
import { resolvePaths } from '#daemon/paths.js';
import { root } from './clips.js';
import { printTable, saveResult } from './report.js';

const launcher = join(root, 'daemon/bin/sotto.mjs');
/** Of Linux, since ever: what /proc counts in. */
const TICKS_PER_SECOND = 100;
/** Loading, warming, the first tidying up. */
const SETTLE_MS = 75_000;

interface Usage {
  /** Seconds of processor time since the start, of all threads. */
  readonly cpuSeconds: number;
  readonly wakeUps: number;
  readonly rssMb: number;
}

export async function idle(argv: string[]): Promise<void> {
  const { values: args } = parseArgs({
    args: argv,
    options: {
      seconds: { type: 'string', default: '60' },
      'calm-ms': { type: 'string', default: String(SETTLE_MS) },
      'save-baseline': { type: 'boolean', default: false },
    },
  });
  const seconds = Number(args.seconds);
  const home = mkdtempSync(join(tmpdir(), 'so-id-'));
  const { socket } = resolvePaths({ SOTTO_HOME: home });
  const daemon = spawn(process.execPath, [launcher, 'daemon', 'run', '--agent'], {
    env: { ...process.env, SOTTO_HOME: home },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const ended = new Promise((resolve) => daemon.on('exit', resolve));
  try {
    await untilReady(socket);
    await sleep(Number(args['calm-ms']));
    const pid = daemon.pid ?? -1;
    const processes = {
      daemon: pid,
      ...Object.fromEntries(childrenOf(pid).map((child) => ['engine', child])),
    };
    const before = Object.entries(processes).map(([name, id]) => [name, id, usage(id)] as const);
    await sleep(seconds * 1000);
    const rows = before.map(([name, id, then]) => {
      const now = usage(id);
      return {
        name,
        percent: (100 * (now.cpuSeconds - then.cpuSeconds)) / seconds,
        wakeUpsPerSecond: (now.wakeUps - then.wakeUps) / seconds,
        rssMb: now.rssMb,
      };
    });
    printTable(
      [`idle for ${seconds} s`, 'CPU, %', 'wake-ups a second', 'memory, MB'],
      rows.map(({ name, percent, wakeUpsPerSecond, rssMb }) => [
        name,
        percent.toFixed(3),
        wakeUpsPerSecond.toFixed(2),
        rssMb.toFixed(0),
      ]),
    );
    saveResult('idle', { seconds, rows }, args['save-baseline']);
  } finally {
    daemon.kill('SIGTERM');
    await ended;
    rmSync(home, { recursive: true, force: true });
  }
}

async function untilReady(socket: string): Promise<void> {
  for (;;) {
    try {
      const client = await SottoClient.connect(socket, 'bench');
      const { state } = await client.status();
      client.close();
      if (state === 'ready') return;
    } catch {
      // Not yet.
    }
    await sleep(50);
  }
}

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter(Boolean)
    .map(Number);
}

function usage(pid: number): Usage {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name, in brackets, may hold anything; the fields behind it are numbered from 3.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  const wakeUps = readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => {
    const status = readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8');
    return sum + Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1] ?? 0);
  }, 0);
  const rssKb = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  return { cpuSeconds: ticks / TICKS_PER_SECOND, wakeUps, rssMb: rssKb / 1e3 };
}
