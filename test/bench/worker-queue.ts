/**
 * A queue of several machines under failures: 300 files, three workers (each with its own daemon and fake engine), two of
 * them killed at random moments and restarted, and the queue itself killed once and restarted. Every file must be
 * transcribed once, or set aside with a reason.
 *
 *     npm run bench -- worker [--files 300] [--broken 15] [--machines 3] [--kills 2] [--seed N]
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Ledger, WorkerTeam } from '#test/e2e/worker-team.js';
import { scriptedTexts } from '#test/harness/fake-audio.js';
import { seededRandom } from '#test/harness/seeded-random.js';
import { findValkey, Valkey } from '#test/harness/valkey.js';
import { printTable, saveResult } from './report.js';

const SEGMENTS = 3;
const DELAY_MS = 40;

export async function workerQueue(argv: string[]): Promise<void> {
  const { values: args } = parseArgs({
    args: argv,
    options: {
      files: { type: 'string', default: '300' },
      broken: { type: 'string', default: '15' },
      machines: { type: 'string', default: '3' },
      kills: { type: 'string', default: '2' },
      seed: { type: 'string', default: '1' },
      'save-baseline': { type: 'boolean', default: false },
    },
  });
  const found = await findValkey();
  if ('missing' in found) throw new Error(found.missing);
  const random = seededRandom(Number(args.seed));
  const valkey = await Valkey.start(found.path, { durable: true });
  const team = new WorkerTeam(valkey.url);
  try {
    const sound = prepare(team, Number(args.files), Number(args.broken));
    const machines = Array.from({ length: Number(args.machines) }, (_, index) => team.start(`mac-${index}`));
    const ledger = new Ledger(team.folder, '.txt');
    const startedAtMs = performance.now();
    const watching = team.begin(['transcribe', '.', '--summary', '-']);
    let over = false;
    void watching.done.then(() => (over = true));
    // Random moments during the work.
    const roughMs = (Number(args.files) * (SEGMENTS * DELAY_MS + 100)) / machines.length;
    const moments = Array.from(
      { length: Number(args.kills) + 1 },
      () => (0.1 + 0.7 * random()) * roughMs,
    ).sort((a, b) => a - b);
    const queueDies = Math.floor(random() * moments.length);
    const killed: string[] = [];
    for (const [index, atMs] of moments.entries()) {
      await sleep(Math.max(0, atMs - (performance.now() - startedAtMs)));
      if (over) break;
      if (index === queueDies) {
        await valkey.kill();
        await sleep(1000 + 2000 * random());
        await valkey.start();
        killed.push('the queue');
        continue;
      }
      const machine = machines[Math.floor(random() * machines.length)];
      if (machine === undefined) continue;
      machine.worker.kill('SIGKILL');
      await machine.worker.done;
      killed.push(machine.name);
      team.restart(machine);
    }
    const { code, stdout, stderr } = await watching.done;
    const seconds = (performance.now() - startedAtMs) / 1000;
    const status = await team.status();
    const placed = ledger.close();
    const flaws = flawsOf(team, sound, placed, JSON.parse(stdout) as WorkerCounts);
    if (status.failed.length !== Number(args.broken)) flaws.push(`${status.failed.length} were set aside`);
    if (code !== (Number(args.broken) > 0 ? 1 : 0))
      flaws.push(`the command ended with ${code}: ${stderr.slice(-500)}`);
    for (const flaw of flaws) console.error(flaw);
    if (flaws.length > 0) process.exitCode = 1;
    const rows = [
      [
        args.files,
        String(machines.length),
        killed.join(', '),
        String(placed.size),
        String(status.failed.length),
        String(flaws.length),
        seconds.toFixed(1),
      ],
    ];
    printTable(['files', 'workers', 'killed', 'transcribed once', 'set aside', 'flaws', 'seconds'], rows);
    saveResult(
      'worker',
      { settings: { ...args }, killed, seconds, placed: placed.size, aside: status.failed.length, flaws },
      args['save-baseline'],
    );
  } finally {
    await team.end();
    await valkey.stop();
  }
}

interface WorkerCounts {
  readonly done: number;
  readonly failed: number;
  readonly left: number;
}

/** Creates the files. @returns the names of the valid ones, without extension */
function prepare(team: WorkerTeam, files: number, broken: number): string[] {
  const names = Array.from({ length: files }, (_, index) => `talk-${String(index).padStart(4, '0')}`);
  for (const [index, name] of names.entries()) {
    if (index < broken) writeFileSync(join(team.folder, `${name}.mp3`), 'no audio');
    else team.audio(`${name}.mp3`, { segments: SEGMENTS, delayMs: DELAY_MS });
  }
  return names.slice(broken);
}

function flawsOf(
  team: WorkerTeam,
  sound: readonly string[],
  placed: ReadonlyMap<string, number>,
  reported: WorkerCounts,
): string[] {
  const flaws: string[] = [];
  const whole = scriptedTexts(SEGMENTS)
    .map((line) => `${line.trim()}\n`)
    .join('');
  for (const name of sound) {
    const times = placed.get(`${name}.txt`) ?? 0;
    if (times !== 1) flaws.push(`${name} was transcribed ${times} times`);
    else if (readFileSync(join(team.folder, `${name}.txt`), 'utf8') !== whole)
      flaws.push(`${name} is incomplete`);
  }
  const unexpected = readdirSync(team.folder).filter(
    (name) => !/^talk-\d+\.(mp3|txt|mp3\.attempts)$/.test(name),
  );
  if (unexpected.length > 0) flaws.push(`left over: ${unexpected.join(', ')}`);
  if (placed.size !== sound.length) flaws.push(`${placed.size} texts for ${sound.length} files`);
  if (reported.done !== sound.length || reported.left !== 0)
    flaws.push(`reported: ${JSON.stringify({ ...reported, results: undefined })}`);
  return flaws;
}
