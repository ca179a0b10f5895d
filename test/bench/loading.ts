/**
 * Time to load a model until it is ready for its first step, compared with reading the same bytes and with mlx-whisper's
 * load of the same directory: in a fresh process, and in one that has loaded the starter model before, like the daemon's
 * engine when another model is selected; in turn, with the weights in the page cache and not.
 *
 *     npm run bench -- loading [--only NAME,…] [--repeat 5] [--folders DIR,…]
 */
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { root } from './clips.js';
import { starterModel } from './in-process.js';
import type { LoadTime } from './loading-worker.js';
import { writeRandomWhisper, type RandomWhisper } from './random-whisper.js';
import { median, printTable, saveResult } from './report.js';

const WORKER = fileURLToPath(new URL('loading-worker.js', import.meta.url));
const PYTHON = join(root, 'test/reference/.venv/bin/python');
const PEER = join(root, 'test/bench/peers/load_mlx.py');
const TIMEOUT_MS = 300_000;

type Cache = 'warm' | 'cold';
/** What the process has loaded before. */
type Before = 'nothing' | 'starter';
interface PeerTime extends LoadTime {
  readonly readyMs: number;
}
interface Subject {
  readonly name: string;
  readonly folder?: string | undefined;
  /** Created for the run, and deleted after it. */
  readonly made?: RandomWhisper;
}
interface Row {
  readonly model: string;
  readonly bytes: number;
  readonly cache: Cache;
  readonly before: Before;
  readonly readMs: number[];
  readonly sottoMs: number[];
  readonly sottoCpuMs: number[];
  readonly mappedMs: number[];
  readonly peerMs: number[];
  readonly peerCpuMs: number[];
  readonly peerReadyMs: number[];
}
interface Live {
  readonly model: string;
  readonly heldMs: number[];
  readonly cancelMs: number[];
}

const weights = process.env.SOTTO_TEST_WEIGHTS ?? '';
const SUBJECTS: readonly Subject[] = [
  { name: 'whisper-tiny.en', folder: join(weights, 'whisper-tiny.en') },
  { name: 'whisper-base', folder: join(weights, 'whisper-base') },
  { name: basename(starterModel()), folder: starterModel() },
  { name: 'random-turbo', made: { size: 'turbo' } },
  { name: 'random-turbo-8bit', made: { size: 'turbo', bits: 8 } },
  { name: 'random-turbo-4bit', made: { size: 'turbo', bits: 4 } },
];

export async function loading(argv: string[]): Promise<void> {
  const { values: args } = parseArgs({
    args: argv,
    options: {
      only: { type: 'string' },
      folders: { type: 'string' },
      repeat: { type: 'string', default: '5' },
      'save-baseline': { type: 'boolean', default: false },
    },
  });
  const hasPeer = existsSync(PYTHON);
  if (!hasPeer) console.error('mlx-whisper is skipped: run test/reference/setup.sh');
  const given = args.folders?.split(',').map((folder) => ({ name: basename(folder), folder }));
  const subjects = (given ?? SUBJECTS).filter(
    ({ name }) => args.only === undefined || args.only.split(',').includes(name),
  );
  const scratch = mkdtempSync(join(tmpdir(), 'sotto-loading-'));
  const rows: Row[] = [];
  const lives: Live[] = [];
  try {
    for (const subject of subjects) {
      const folder = folderOf(subject, scratch);
      if (folder === undefined) continue;
      rows.push(...measure(subject.name, folder, Number(args.repeat), hasPeer));
      lives.push(liveness(subject.name, folder, Number(args.repeat)));
      if (subject.folder === undefined) rmSync(folder, { recursive: true });
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  report(rows, lives);
  saveResult('loading', { repeat: Number(args.repeat), rows, lives }, args['save-baseline']);
  return Promise.resolve();
}

function folderOf({ name, folder, made }: Subject, scratch: string): string | undefined {
  if (made !== undefined) {
    writeRandomWhisper(join(scratch, name), made);
    return join(scratch, name);
  }
  if (folder !== undefined && existsSync(join(folder, 'config.json'))) return folder;
  console.error(`${name} is skipped: $SOTTO_TEST_WEIGHTS is not a folder that contains it`);
  return undefined;
}

function measure(model: string, folder: string, repeat: number, hasPeer: boolean): Row[] {
  const files = readdirSync(folder)
    .filter((name) => name.endsWith('.safetensors'))
    .map((name) => join(folder, name));
  const bytes = files.reduce((sum, file) => sum + statSync(file).size, 0);
  const rows: Row[] = [];
  const kinds = (['nothing', 'starter'] as const).flatMap((before) =>
    (['warm', 'cold'] as const).map((cache) => ({ before, cache })),
  );
  for (const { before, cache } of kinds) {
    const first = before === 'starter' ? [starterModel()] : [];
    // Its file is mapped, so it can't be evicted from the page cache.
    if (cache === 'cold' && first.includes(folder)) continue;
    const prepare = cache === 'warm' ? fetchAll : evict;
    const row: Row = {
      ...{ model, bytes, cache, before, readMs: [], sottoMs: [], sottoCpuMs: [], mappedMs: [] },
      ...{ peerMs: [], peerCpuMs: [], peerReadyMs: [] },
    };
    const contenders: (() => void)[] = [
      () => row.readMs.push(sottoTimes('read', folder, ...first).ms),
      () => {
        const { ms, cpuMs } = sottoTimes('load', folder, ...first);
        row.sottoMs.push(ms);
        row.sottoCpuMs.push(cpuMs);
      },
      () => row.mappedMs.push(sottoTimes('mapped', folder, ...first).ms),
      () => {
        if (!hasPeer) return;
        const { ms, cpuMs, readyMs } = run(PYTHON, [PEER, folder, ...first]) as PeerTime;
        row.peerMs.push(ms);
        row.peerCpuMs.push(cpuMs);
        row.peerReadyMs.push(readyMs);
      },
    ];
    let usable = true;
    for (let round = 0; round < repeat && usable; round++) {
      for (let i = 0; i < contenders.length && usable; i++) {
        usable = prepare(files);
        if (usable) contenders[(round + i) % contenders.length]?.();
      }
    }
    if (usable) rows.push(row);
    else
      console.error(
        `${model}: files can't be evicted from the page cache here, so there are no cold figures`,
      );
    console.error(`${model}: ${cache}, after ${before}`);
  }
  return rows;
}

function liveness(model: string, folder: string, repeat: number): Live {
  const times = Array.from({ length: repeat }, () => [
    sottoTimes('live', folder).heldMs ?? NaN,
    sottoTimes('cancel', folder).ms,
  ]);
  return {
    model,
    heldMs: times.map(([held = NaN]) => held),
    cancelMs: times.map(([, cancelled = NaN]) => cancelled),
  };
}

const sottoTimes = (mode: string, ...folders: string[]): LoadTime =>
  run(process.execPath, ['--no-warnings', WORKER, mode, ...folders]);

function run(program: string, args: string[]): LoadTime {
  const { stdout, stderr, status } = spawnSync(program, args, { encoding: 'utf8', timeout: TIMEOUT_MS });
  if (status !== 0) throw new Error(`${basename(program)} ${args.join(' ')}: ${stderr.trim().slice(-500)}`);
  return JSON.parse(stdout) as LoadTime;
}

/** Reads the files into the page cache. */
function fetchAll(files: readonly string[]): boolean {
  const buffer = Buffer.allocUnsafe(4 << 20);
  for (const file of files) {
    const open = openSync(file, 'r');
    while (readSync(open, buffer, 0, buffer.length, null) > 0);
    closeSync(open);
  }
  return true;
}

/** Evicts the files from the page cache (posix_fadvise, by dd). @returns whether it worked */
function evict(files: readonly string[]): boolean {
  return files.every((file) => {
    const advised = spawnSync('dd', [`if=${file}`, 'iflag=nocache', 'count=0'], { stdio: 'ignore' });
    const left = spawnSync('fincore', ['--bytes', '--noheadings', '--output', 'RES', file], {
      encoding: 'utf8',
    });
    return advised.status === 0 && left.status === 0 && Number(left.stdout) <= 1 << 20;
  });
}

function report(rows: readonly Row[], lives: readonly Live[]): void {
  const ms = (values: readonly number[]): string => (values.length > 0 ? median(values).toFixed(0) : '–');
  const ratio = (a: readonly number[], b: readonly number[]): string =>
    a.length > 0 && b.length > 0 ? (median(a) / median(b)).toFixed(2) : '–';
  printTable(
    [
      ...['model', 'MB', 'cache', 'loaded before', 'read, ms', 'Sotto, ms', 'Sotto / read', 'Sotto, CPU ms'],
      ...[
        'mlx-whisper, ms',
        'Sotto / mlx-whisper',
        'mlx-whisper, CPU ms',
        'with tokenizer and mel, ms',
        'Sotto / that',
      ],
      ...['mapped only, ms', 'mapped / read', 'mapped / mlx-whisper'],
    ],
    rows.map((row) => [
      ...[row.model, (row.bytes / 1e6).toFixed(0), row.cache, row.before, ms(row.readMs), ms(row.sottoMs)],
      ...[ratio(row.sottoMs, row.readMs), ms(row.sottoCpuMs), ms(row.peerMs), ratio(row.sottoMs, row.peerMs)],
      ...[ms(row.peerCpuMs), ms(row.peerReadyMs), ratio(row.sottoMs, row.peerReadyMs)],
      ...[ms(row.mappedMs), ratio(row.mappedMs, row.readMs), ratio(row.mappedMs, row.peerMs)],
    ]),
  );
  printTable(
    ['model', 'longest block of the event loop, ms', 'cancel → end, ms'],
    lives.map(({ model, heldMs, cancelMs }) => [model, ms(heldMs), ms(cancelMs)]),
  );
}
