/**
 * Cost of Wav2Vec2 at the size of base or large-lv60 with random float32 weights, beside torch in the same run.
 *
 *     SOTTO_TORCH_PYTHON=test/reference/.venv-ctc/bin/python npm run bench -- wav2vec2 [base|large-lv60] [seconds]
 *
 * CPU time counts too: on a busy machine it is steadier than wall time.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { loadWav2Vec2 } from '#daemon/models/wav2vec2/load-wav2vec2.js';
import { readConfig } from '#daemon/models/wav2vec2/wav2vec2-checkpoint.js';
import { emissionsOfSamples } from '#daemon/models/wav2vec2/wav2vec2-decoder.js';

import { root } from './clips.js';
import { median, printTable, saveResult } from './report.js';

const RUNS = 5;
const SAMPLE_RATE = 16_000;

interface Times {
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
}

export async function wav2vec2(argv: string[]): Promise<void> {
  const [name = 'base', length = '10'] = argv.filter((value) => !value.startsWith('--'));
  const python = process.env.SOTTO_TORCH_PYTHON;
  if (python === undefined)
    throw new Error('SOTTO_TORCH_PYTHON must name a Python with torch and transformers');
  const folder = mkdtempSync(join(tmpdir(), 'sotto-wav2vec2-'));
  try {
    const torch = torchTimes(python, folder, name, length);
    const own = await ownTimes(join(folder, name), Number(length));
    const timesTorch = torch.wallSeconds / own.wallSeconds;
    printTable(
      ['', 'wall s', 'CPU s'],
      Object.entries({ Sotto: own, torch }).map(([who, { wallSeconds, cpuSeconds }]) => [
        who,
        wallSeconds.toFixed(2),
        cpuSeconds.toFixed(2),
      ]),
    );
    console.log(`${name}, ${length} s: ${timesTorch.toFixed(2)} times torch`);
    saveResult('wav2vec2', { name, length, own, torch, timesTorch }, argv.includes('--save-baseline'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Writes the checkpoint, too. */
function torchTimes(python: string, folder: string, name: string, length: string): Times {
  const script = join(root, 'test/reference/time-wav2vec2.py');
  const { stdout, stderr, status } = spawnSync(python, [script, folder, name, length], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  const [, wall, cpu] = /torch ([\d.]+) s, CPU ([\d.]+) s/.exec(stdout) ?? [];
  return { wallSeconds: Number(wall), cpuSeconds: Number(cpu) };
}

async function ownTimes(dir: string, seconds: number): Promise<Times> {
  const network = await loadWav2Vec2(dir, await readConfig(dir));
  const samples = Float32Array.from(
    { length: seconds * SAMPLE_RATE },
    (_, n) => 0.1 * Math.sin(1e-5 * n * n),
  );
  const { signal } = new AbortController();
  const runs: Times[] = [];
  for (let run = 0; run <= RUNS; run++) {
    const [begin, cpu] = [performance.now(), process.cpuUsage()];
    await emissionsOfSamples(network, samples, true, signal);
    const { user, system } = process.cpuUsage(cpu);
    if (run > 0) {
      runs.push({ wallSeconds: (performance.now() - begin) / 1000, cpuSeconds: (user + system) / 1e6 });
    }
  }
  network.dispose();
  return {
    wallSeconds: median(runs.map(({ wallSeconds }) => wallSeconds)),
    cpuSeconds: median(runs.map(({ cpuSeconds }) => cpuSeconds)),
  };
}
