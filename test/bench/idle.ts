/**
 * CPU time and wake-ups of the idle daemon and its engine, with the model warm, over a minute that starts when both have
 * settled. Reads /proc, so it needs Linux. Shows whether Sotto would keep a machine awake.
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
/** Unit of CPU time in Linux's /proc. */
const TICKS_PER_SECOND = 100;
/** Covers loading, warm-up and the first cleanup. */
const SETTLE_MS = 75_000;

interface Usage {
  /** Seconds of CPU time since the start, summed over all threads. */
  readonly cpuSeconds: number;
  readonly wakeUps: number;
  readonly rssMb: number;
}

export async function idle(argv: string[]): Promise<void> {
  const { values: args } = parseArgs({
    args: argv,
    options: {
      seconds: { type: 'string', default: '60' },
      'settle-ms': { type: 'string', default: String(SETTLE_MS) },
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
    await sleep(Number(args['settle-ms']));
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
      [`idle for ${seconds} s`, 'CPU, %', 'wake-ups per second', 'memory, MB'],
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
      // Not ready yet.
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
  // The name in parentheses may contain anything; the fields after it are numbered from 3.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  const wakeUps = readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => {
    const status = readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8');
    return sum + Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1] ?? 0);
  }, 0);
  const rssKb = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  return { cpuSeconds: ticks / TICKS_PER_SECOND, wakeUps, rssMb: rssKb / 1e3 };
}
