/**
 * Wall and CPU time of Moonshine beside onnxruntime on the original files. Every model has a process of its own, which is
 * warm, and takes its turn on each clip, so the times compare on a busy machine, too.
 *
 *     npm run bench -- moonshine --models DIR,DIR --onnx ENCODER,DECODER,TOKENIZER.json [--onnx …] [--cores N] [--repeat N]
 *
 * --cores 1 binds each process to one core. The Python of test/reference/setup.sh moonshine runs onnxruntime. The medians of
 * --repeat rounds count.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { samplesOf } from '#test/harness/sample-speech.js';
import { pickClips, root, TWELVE } from './clips.js';
import { ContenderProcess, type Lap } from './contender-process.js';
import type { Contender } from './contenders.js';
import { median, printTable, saveResult, sum } from './report.js';

const TICKS_PER_SECOND = 100;
const PYTHON = join(root, 'test/reference/.venv-moonshine/bin/python');

interface Turn {
  readonly lap: Lap;
  readonly cpuSeconds: number;
}

export async function moonshine(argv: string[]): Promise<void> {
  const { values: args } = parseArgs({
    args: argv,
    options: {
      models: { type: 'string', default: '' },
      onnx: { type: 'string', multiple: true, default: [] },
      cores: { type: 'string', default: '2' },
      repeat: { type: 'string', default: '3' },
      'save-baseline': { type: 'boolean', default: false },
    },
  });
  const cores = Number(args.cores);
  const programs = [
    ...args.models.split(',').filter(Boolean).map(sotto),
    ...args.onnx.map((files) => onnxruntime(files.split(','), cores)),
  ].map((program) => bound(program, cores));
  const folder = mkdtempSync(join(tmpdir(), 'sotto-moonshine-'));
  const processes = programs.map((program) => ContenderProcess.start(program, join(folder, 'log')));
  try {
    const clips = pickClips(TWELVE).filter(({ language }) => language === 'en');
    const files = await Promise.all(
      clips.map(async ({ id, file }) => {
        const raw = join(folder, `${id}.f32`);
        writeFileSync(raw, await samplesOf(file));
        return raw;
      }),
    );
    for (const process of processes) await process.transcribe(files[0] ?? '', 'en');
    const turns = processes.map(() => files.map((): Turn[] => []));
    for (let round = 0; round < Number(args.repeat); round++) {
      for (const [clip, file] of files.entries()) {
        for (const [i, process] of processes.entries()) turns[i]?.[clip]?.push(await turnOf(process, file));
      }
    }
    const audioSeconds = sum(clips.map(({ seconds }) => seconds));
    const rows = programs.map(({ name }, i) => rowOf(name, turns[i] ?? []));
    console.log(`${clips.length} clips of ${audioSeconds.toFixed(0)} s, ${cores} cores`);
    printTable(
      ['model', 'wall s', 'CPU s', 'encode s', 'decode s', 'tokens', 'ms / token'],
      rows.map(({ name, wall, cpu, encode, decode, tokens }) => [
        name,
        ...[wall, cpu, encode, decode].map((seconds) => seconds.toFixed(2)),
        String(tokens),
        ((1000 * decode) / tokens).toFixed(2),
      ]),
    );
    saveResult('moonshine', { cores, audioSeconds, rows }, args['save-baseline']);
  } finally {
    for (const process of processes) await process.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function turnOf(process: ContenderProcess, file: string): Promise<Turn> {
  const before = process.cpuTicks() ?? NaN;
  const lap = await process.transcribe(file, 'en');
  await process.idle();
  return { lap, cpuSeconds: ((process.cpuTicks() ?? NaN) - before) / TICKS_PER_SECOND };
}

/** The sums over all clips of the medians of their rounds. */
function rowOf(name: string, clips: readonly (readonly Turn[])[]) {
  const total = (figure: (turn: Turn) => number): number =>
    sum(clips.map((rounds) => median(rounds.map(figure))));
  return {
    name,
    wall: total(({ lap }) => lap.seconds),
    cpu: total(({ cpuSeconds }) => cpuSeconds),
    encode: total(({ lap }) => lap.inside?.encode ?? NaN),
    decode: total(({ lap }) => lap.inside?.decode ?? NaN),
    tokens: total(({ lap }) => lap.tokens ?? NaN),
  };
}

function sotto(dir: string): Contender {
  const worker = join(root, 'dist/test/bench/contender-worker.js');
  return contender(`Sotto ${basename(dir)}`, true, [process.execPath, worker, dir, 'text']);
}

function onnxruntime(files: readonly string[], threads: number): Contender {
  const script = join(root, 'test/reference/transcribe-moonshine.py');
  const command = [PYTHON, script, ...files, '--serve', '--threads', String(threads)];
  return contender(`onnxruntime ${basename(files[0] ?? '')}`, false, command);
}

function contender(name: string, isSotto: boolean, command: readonly string[]): Contender {
  return { name, label: name, isSotto, command, env: {} };
}

function bound(program: Contender, cores: number): Contender {
  return cores === 1 ? { ...program, command: ['taskset', '--cpu-list', '0', ...program.command] } : program;
}
