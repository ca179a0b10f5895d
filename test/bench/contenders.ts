/** Who takes part in a comparison, how each is started, and what is missing where one can't be. */
import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { root } from './clips.js';

/** All run on two threads, as the machines do that the goals were set on. */
export const THREADS = 2;

export interface Contender {
  readonly name: string;
  readonly label: string;
  readonly ours: boolean;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** What to do before it can run; undefined where all is there. */
  readonly missing?: string;
}

interface SottoModel {
  readonly name: string;
  readonly label: string;
  /** Undefined where nobody said where it is. */
  readonly folder: string | undefined;
  /** Asked for the text without times, as `sotto transcribe` asks; the others are asked for times, as the peers are. */
  readonly textAlone?: boolean;
}

/** The one that others are held against. */
export const BASELINE_PEER = 'faster-whisper-int8';

const PEERS = [
  {
    name: BASELINE_PEER,
    label: 'faster-whisper int8',
    setup: 'faster-whisper',
    venv: '.venv-ct2',
    weights: 'base-ct2',
  },
  {
    name: 'faster-whisper-float32',
    label: 'faster-whisper float32',
    setup: 'faster-whisper',
    venv: '.venv-ct2',
    weights: 'base-ct2',
  },
  {
    name: 'whisper.cpp',
    label: 'whisper.cpp q8_0, built here',
    setup: 'whisper.cpp',
    venv: '.venv-cpp',
    weights: 'base-q8_0.bin',
  },
  {
    name: 'whisper.cpp-wheel',
    label: 'whisper.cpp q8_0, wheel',
    setup: 'whisper.cpp-wheel',
    venv: '.venv-cpp-wheel',
    weights: 'base-q8_0.bin',
  },
  {
    name: 'openai-whisper',
    label: 'openai-whisper (torch)',
    setup: 'openai-whisper',
    venv: '.venv-torch',
    weights: 'base.pt',
  },
  {
    name: 'mlx-whisper',
    label: 'mlx-whisper + OpenBLAS',
    setup: 'mlx-whisper',
    venv: '.venv',
    weights: 'base-mlx',
  },
] as const;

type Peer = (typeof PEERS)[number];

/** Our models first, then every peer, whether or not it can run. */
export function contenders(ours: readonly SottoModel[]): Contender[] {
  return [...ours.map(sottoContender), ...PEERS.map(peerContender)];
}

function sottoContender({ name, label, folder, textAlone }: SottoModel): Contender {
  const command = [process.execPath, join(root, 'dist/test/bench/contender-worker.js'), folder ?? ''];
  if (textAlone) command.push('text');
  const row = { name, label, ours: true, command, env: {} };
  if (folder !== undefined) return row;
  return { ...row, missing: 'give the float16 folder of base: --model DIR, or SOTTO_BASE=DIR' };
}

function peerContender(peer: Peer): Contender {
  const { name, label, setup } = peer;
  const reference = join(root, 'test/reference');
  const venv = join(reference, peer.venv);
  const python = join(venv, 'bin/python');
  const weights = join(reference, '.weights-peers', peer.weights);
  const worker = name.startsWith('whisper.cpp') ? 'whisper.cpp' : name;
  const row = {
    name,
    label,
    ours: false,
    command: [python, join(root, 'test/bench/peers/worker.py'), worker, weights, String(THREADS)],
    env: peerEnvironment(peer, venv),
  };
  if (existsSync(python) && existsSync(weights)) return row;
  return { ...row, missing: `run test/bench/peers/setup.sh FLOAT16_DIR ${setup}` };
}

function peerEnvironment({ name }: Peer, venv: string): Record<string, string> {
  const env: Record<string, string> = {
    OMP_NUM_THREADS: String(THREADS),
    OPENBLAS_NUM_THREADS: String(THREADS),
    HF_HUB_OFFLINE: '1',
    TOKENIZERS_PARALLELISM: 'false',
    CUDA_VISIBLE_DEVICES: '',
  };
  const blas = join(venv, 'front-blas.so'); // Linux only: macOS has Accelerate
  if (name === 'mlx-whisper' && existsSync(blas)) env.LD_PRELOAD = blas;
  if (name === 'whisper.cpp') env.LD_LIBRARY_PATH = sitePackages(venv); // its build leaves the libraries there
  return env;
}

function sitePackages(venv: string): string {
  const lib = join(venv, 'lib');
  const python = existsSync(lib)
    ? readdirSync(lib).find((entry) => basename(entry).startsWith('python'))
    : undefined;
  return join(lib, python ?? 'python3', 'site-packages');
}

/** Those called `names` (all without), split into who can run and who can't. */
export function choose(
  all: readonly Contender[],
  names: readonly string[] | undefined,
): { ready: Contender[]; missing: Contender[] } {
  const unknown = names?.find((name) => !all.some((one) => one.name === name));
  if (unknown !== undefined) {
    throw new Error(`nobody is called ${unknown}; there are ${all.map(({ name }) => name).join(', ')}`);
  }
  const chosen = all.filter(({ name }) => names === undefined || names.includes(name));
  return {
    ready: chosen.filter(({ missing }) => missing === undefined),
    missing: chosen.filter(({ missing }) => missing !== undefined),
  };
}
