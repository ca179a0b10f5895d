/**
 * Cost of SNAC, DAC, the S3 tokenizer and the vocoders at full size with random float32 weights, beside torch in the same run, in turns.
 *
 *     SOTTO_TORCH_PYTHON=test/reference/.venv-codecs/bin/python npm run bench -- chunked-codecs [snac|dac|vocos|s3-v2|…] [seconds]
 *
 * Ours computes chunks with their context, torch the whole at once. CPU time counts too: on a busy machine it is steadier
 * than wall time.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { loadBigVgan } from '#daemon/models/codecs/bigvgan/load-bigvgan.js';
import { vocodeMel as vocodeBigVgan } from '#daemon/models/codecs/bigvgan/bigvgan-vocoder.js';
import type { CodecRunner } from '#daemon/models/codecs/codec-model.js';
import { DacRunner } from '#daemon/models/codecs/dac/dac-runner.js';
import { loadDac } from '#daemon/models/codecs/dac/load-dac.js';
import { loadS3 } from '#daemon/models/codecs/s3/load-s3.js';
import { SAMPLE_RATE } from '#daemon/models/codecs/s3/s3-config.js';
import { s3Codes } from '#daemon/models/codecs/s3/s3-encode.js';
import { loadSnac } from '#daemon/models/codecs/snac/load-snac.js';
import { SnacRunner } from '#daemon/models/codecs/snac/snac-runner.js';
import { loadVocos } from '#daemon/models/codecs/vocos/load-vocos.js';
import { vocodeMel as vocodeVocos } from '#daemon/models/codecs/vocos/vocos-vocoder.js';
import { joinCodes, type Codes } from '#daemon/protocol/codec.js';
import { mx, type MxArray } from '#native/index.js';
import type * as nn from '#native/nn/index.js';

import { streamOf } from './in-process.js';
import { printTable, saveResult } from './report.js';
import { timedInTurns, TorchProcess, type TorchTimes } from './torch-process.js';

const RUNS = 3;
const THREADS = 2;
const { signal } = new AbortController();

/** A loaded network, and what is timed of it. */
interface Subject {
  readonly network: nn.Module;
  readonly works: Readonly<Record<string, () => Promise<unknown>>>;
}

const NETWORKS: Readonly<Record<string, (dir: string, seconds: number) => Promise<Subject>>> = {
  snac: snacSubject,
  'snac-44khz': snacSubject,
  dac: async (dir, seconds) => {
    const network = await loadDac(dir);
    return codecSubject(network, new DacRunner(network), network.config.sample_rate * seconds, 9);
  },
  vocos: async (dir, seconds) => {
    const network = await loadVocos(dir);
    return vocoderSubject(network, (mel) => vocodeVocos(network, mel, signal), seconds);
  },
  'bigvgan-base': bigVganSubject,
  bigvgan: bigVganSubject,
  's3-v1': s3Subject,
  's3-v2': s3Subject,
  's3-v3': s3Subject,
};

/** From samples to codes, as torch. */
async function s3Subject(dir: string, seconds: number): Promise<Subject> {
  const network = await loadS3(dir);
  const samples = chirp(SAMPLE_RATE * seconds);
  return { network, works: { encode: () => s3Codes(network, [samples], signal) } };
}

const chirp = (count: number): Float32Array =>
  Float32Array.from({ length: count }, (_, n) => 0.1 * Math.sin(1e-5 * n * n));

async function snacSubject(dir: string, seconds: number): Promise<Subject> {
  const network = await loadSnac(dir);
  const { sampling_rate: rate, vq_strides: strides } = network.config;
  return codecSubject(network, new SnacRunner(network), rate * seconds, strides.length);
}

async function bigVganSubject(dir: string, seconds: number): Promise<Subject> {
  const network = await loadBigVgan(dir);
  return vocoderSubject(network, (mel) => vocodeBigVgan(network, mel, signal), seconds);
}

async function codecSubject(
  network: nn.Module,
  runner: CodecRunner,
  count: number,
  codebooks: number,
): Promise<Subject> {
  const samples = chirp(count);
  const encode = async (): Promise<Codes> => {
    const parts: Codes[] = [];
    for await (const codes of runner.encode(streamOf(samples).samples, codebooks, signal)) parts.push(codes);
    return joinCodes(parts);
  };
  const codes = await encode();
  const decode = async (): Promise<void> => {
    for await (const _ of runner.decode({ ...codes, samples: count }, signal));
  };
  return { network, works: { encode, decode } };
}

function vocoderSubject(
  network: nn.Module,
  run: (mel: MxArray) => AsyncGenerator<Float32Array, void>,
  seconds: number,
): Subject {
  const frames = Math.floor((seconds * 24_000) / 256);
  const mel = mx.random.normal([frames, 100], { key: mx.random.key(1) });
  const decode = async (): Promise<void> => {
    for await (const _ of run(mel));
  };
  return { network, works: { decode } };
}

export async function chunkedCodecs(argv: string[]): Promise<void> {
  const words = argv.filter((value) => !value.startsWith('--'));
  const wanted = Object.keys(NETWORKS).filter((name) => words.includes(name));
  const names = wanted.length > 0 ? wanted : Object.keys(NETWORKS);
  const seconds = Number(words.find((word) => /^\d/.test(word)) ?? 8);
  const torch = TorchProcess.start('time-chunked-codecs.py', THREADS);
  if (torch === undefined)
    throw new Error('SOTTO_TORCH_PYTHON must name a Python with torch and the references');
  const folder = mkdtempSync(join(tmpdir(), 'sotto-chunked-codecs-'));
  try {
    const rows: Row[] = [];
    for (const name of names) {
      const dir = join(folder, name);
      await torch.measure(`save ${name} ${dir}`);
      rows.push(...(await measured(name, dir, seconds, torch)));
      rmSync(dir, { recursive: true });
    }
    printTable(
      ['', 'Sotto s', 'torch s', 'Sotto CPU s', 'torch CPU s', 'x real time', 'x torch', 'x torch CPU'],
      rows.map(({ name, own, other }) => [
        name,
        own.seconds.toFixed(2),
        other.seconds.toFixed(2),
        own.cpu.toFixed(2),
        other.cpu.toFixed(2),
        (seconds / own.seconds).toFixed(2),
        (other.seconds / own.seconds).toFixed(2),
        (other.cpu / own.cpu).toFixed(2),
      ]),
    );
    saveResult('chunked-codecs', { seconds, rows }, argv.includes('--save-baseline'));
  } finally {
    torch.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Row {
  readonly name: string;
  readonly own: TorchTimes;
  readonly other: TorchTimes;
}

async function measured(name: string, dir: string, seconds: number, torch: TorchProcess): Promise<Row[]> {
  const subject = await NETWORKS[name]?.(dir, seconds);
  const rows: Row[] = [];
  for (const [work, run] of Object.entries(subject?.works ?? {})) {
    const times = await timedInTurns(run, torch, `${work} ${name} ${seconds}`, RUNS);
    rows.push({ name: `${name} ${work}`, ...times });
  }
  subject?.network.dispose();
  return rows;
}
