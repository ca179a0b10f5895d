/**
 * Cost of the codecs at full size with random float32 weights, beside torch in the same run, in turns.
 *
 *     SOTTO_TORCH_PYTHON=test/reference/.venv-codecs/bin/python npm run bench -- codecs [encodec|mimi] [seconds]
 *
 * CPU time counts too: on a busy machine it is steadier than wall time.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { readConfig as readEncodecConfig } from '#daemon/models/codecs/encodec/encodec-checkpoint.js';
import { CHUNK_FRAMES as ENCODEC_FRAMES, loadEncodec } from '#daemon/models/codecs/encodec/encodec-model.js';
import { readConfig as readMimiConfig } from '#daemon/models/codecs/mimi/mimi-checkpoint.js';
import { CHUNK_FRAMES as MIMI_FRAMES, loadMimi } from '#daemon/models/codecs/mimi/mimi-model.js';
import type { StreamingCodec } from '#daemon/models/codecs/run-chunk.js';
import { decodeStream, encodeStream } from '#daemon/models/codecs/stream-codec.js';
import { joinCodes, type Codes } from '#daemon/protocol/codec.js';

import { streamOf } from './in-process.js';
import { printTable, saveResult } from './report.js';
import { timedInTurns, TorchProcess, type TorchTimes } from './torch-process.js';

const RUNS = 5;
const SAMPLE_RATE = 24_000;
const THREADS = 2;
/** As many codebooks as the scripts of torch use. */
const CODEBOOKS = 8;

const CODECS = {
  encodec: {
    load: async (dir: string) => loadEncodec(dir, await readEncodecConfig(dir)),
    chunkFrames: ENCODEC_FRAMES,
    works: ['encode', 'decode'],
  },
  mimi: {
    load: async (dir: string) => loadMimi(dir, await readMimiConfig(dir)),
    chunkFrames: MIMI_FRAMES,
    works: ['encode', 'decode', 'stream-encode', 'stream-decode'],
  },
} as const;
type Name = keyof typeof CODECS;
type Work = (typeof CODECS)[Name]['works'][number];

export async function codecs(argv: string[]): Promise<void> {
  const words = argv.filter((value) => !value.startsWith('--'));
  const names = (Object.keys(CODECS) as Name[]).filter((name) => words.length === 0 || words.includes(name));
  const seconds = Number(words.find((word) => /^\d/.test(word)) ?? 10);
  const torch = TorchProcess.start('time-codecs.py', THREADS);
  if (torch === undefined)
    throw new Error('SOTTO_TORCH_PYTHON must name a Python with torch, transformers and moshi');
  const folder = mkdtempSync(join(tmpdir(), 'sotto-codecs-'));
  try {
    const rows: Row[] = [];
    for (const name of names.length > 0 ? names : (Object.keys(CODECS) as Name[])) {
      const dir = join(folder, name);
      await torch.measure(`save ${name} ${dir}`);
      rows.push(...(await measureCodec(name, dir, seconds, torch)));
    }
    printTable(
      ['', 'Sotto s', 'torch s', 'Sotto CPU s', 'torch CPU s', 'x real time', 'x torch'],
      rows.map(({ name, work, own, other }) => [
        `${name} ${work}`,
        own.seconds.toFixed(2),
        other.seconds.toFixed(2),
        own.cpu.toFixed(2),
        other.cpu.toFixed(2),
        (seconds / own.seconds).toFixed(1),
        (other.seconds / own.seconds).toFixed(2),
      ]),
    );
    saveResult('codecs', { seconds, rows }, argv.includes('--save-baseline'));
  } finally {
    torch.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Row {
  readonly name: Name;
  readonly work: Work;
  readonly own: TorchTimes;
  readonly other: TorchTimes;
}

async function measureCodec(name: Name, dir: string, seconds: number, torch: TorchProcess): Promise<Row[]> {
  const { load, chunkFrames, works } = CODECS[name];
  const network = await load(dir);
  const samples = Float32Array.from(
    { length: seconds * SAMPLE_RATE },
    (_, n) => 0.1 * Math.sin(1e-5 * n * n),
  );
  const encoded = await encode(network, samples, chunkFrames);
  const rows: Row[] = [];
  for (const work of works) {
    const frames = work.startsWith('stream') ? 1 : chunkFrames;
    const run = work.endsWith('encode')
      ? () => encode(network, samples, frames)
      : () => decode(network, encoded, seconds, frames);
    const times = await timedInTurns(run, torch, `${work} ${name} ${seconds}`, RUNS);
    rows.push({ name, work, ...times });
  }
  network.dispose();
  return rows;
}

async function encode(network: StreamingCodec, samples: Float32Array, chunkFrames: number): Promise<Codes> {
  const { signal } = new AbortController();
  const parts: Codes[] = [];
  for await (const codes of encodeStream(
    network,
    streamOf(samples).samples,
    { codebooks: CODEBOOKS, chunkFrames },
    signal,
  )) {
    parts.push(codes);
  }
  return joinCodes(parts);
}

async function decode(
  network: StreamingCodec,
  { codes }: Codes,
  seconds: number,
  chunkFrames: number,
): Promise<void> {
  const { signal } = new AbortController();
  const encoded = { codes, samples: seconds * SAMPLE_RATE };
  for await (const _ of decodeStream(network, encoded, chunkFrames, signal));
}
