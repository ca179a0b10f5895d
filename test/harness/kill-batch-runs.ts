/** Kills `sotto transcribe FOLDER`, its daemon and its engine in turn, and runs the command again until it completes. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { daemonStatus } from './daemon-status.js';
import { startSotto, type SottoProcess } from './run-sotto.js';
import type { TempHome } from './temp-home.js';

type Victim = 'command' | 'daemon' | 'engine';
const VICTIMS = ['command', 'daemon', 'engine'] as const satisfies readonly Victim[];

interface KillOptions {
  readonly home: TempHome;
  readonly cwd: string;
  /** Arguments of `sotto transcribe`, without --summary. */
  readonly args: readonly string[];
  /** Absolute folder of the texts. */
  readonly output: string;
  /** Number of expected texts. */
  readonly texts: number;
  readonly everyMs: number;
  /** Maximum kills of each. */
  readonly maxKills?: number;
  readonly realEngine?: boolean;
  readonly onKill?: (victim: Victim, texts: number) => void;
}

/** A command killed between the end of its run and its exit rightly starts over, so it is not killed this close to the end. */
const NEAR_END = 8;

export interface KillResult {
  readonly kills: Readonly<Record<Victim, number>>;
  /** Number of calls. */
  readonly calls: number;
  /** Exit code of the last call. */
  readonly code: number | null;
  readonly summary: BatchSummary;
  /** Texts that existed at a kill and were written again. */
  readonly twice: readonly string[];
  /** Leftover drafts. */
  readonly strays: readonly string[];
}

interface BatchSummary {
  readonly files: number;
  readonly done: number;
  readonly failed: number;
  readonly left: number;
  readonly results: readonly {
    file: string;
    state: string;
    output?: string;
    code?: string;
    message?: string;
  }[];
}

export async function killBatchRuns(options: KillOptions): Promise<KillResult> {
  const kills = { command: 0, daemon: 0, engine: 0 };
  const before = new Map<string, string>();
  for (let calls = 1; ; calls++) {
    const command = startSotto(['transcribe', ...options.args, '--summary', '-'], {
      home: options.home.folder,
      cwd: options.cwd,
      realEngine: options.realEngine === true,
    });
    let over = false;
    const done = command.done.finally(() => (over = true));
    await killInTurn(options, command, () => over, kills, before);
    const { code, stdout, stderr } = await done;
    // The command was killed, or gave up after kills of its daemon: run it again.
    if (code === null || code === 3) continue;
    if (code !== 0 && code !== 1) throw new Error(`exit code ${code}: ${stderr.slice(-2000)}`);
    const after = inodes(options.output);
    return {
      kills,
      calls,
      code,
      summary: JSON.parse(stdout) as BatchSummary,
      twice: [...before].filter(([name, inode]) => after.get(name) !== inode).map(([name]) => name),
      strays: [...after.keys()].filter((name) => name.includes('.sotto-')),
    };
  }
}

async function killInTurn(
  options: KillOptions,
  command: SottoProcess,
  over: () => boolean,
  kills: Record<Victim, number>,
  before: Map<string, string>,
): Promise<void> {
  while (!over()) {
    const until = performance.now() + options.everyMs;
    while (!over() && performance.now() < until) await sleep(20);
    const victim = [...VICTIMS].sort((a, b) => kills[a] - kills[b])[0] ?? 'command';
    if (over() || kills[victim] >= (options.maxKills ?? Infinity)) continue;
    const pid = await pidOf(victim, options, command);
    if (pid === undefined || over()) continue;
    // No await between here and the kill.
    const found = inodes(options.output);
    const texts = [...found].filter(([name]) => !name.includes('.sotto-'));
    if (victim === 'command' && texts.length >= options.texts - NEAR_END) continue;
    for (const [name, inode] of texts) if (!before.has(name)) before.set(name, inode);
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      continue;
    }
    kills[victim] += 1;
    options.onKill?.(victim, texts.length);
  }
}

async function pidOf(
  victim: Victim,
  { home }: KillOptions,
  command: SottoProcess,
): Promise<number | undefined> {
  if (victim === 'command') return command.pid;
  const status = await daemonStatus(home.paths);
  return victim === 'daemon' ? status?.pid : status?.engine.pid;
}

/** Identifies a file, to detect a replacement. */
function inodes(folder: string): Map<string, string> {
  const found = new Map<string, string>();
  let names: string[] = [];
  try {
    names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  } catch {
    // Nothing was written yet.
  }
  for (const name of names) {
    const stats = statSync(join(folder, name), { throwIfNoEntry: false });
    if (stats?.isFile() === true) found.set(name, `${stats.ino} ${stats.mtimeMs}`);
  }
  return found;
}
