/** The contenders of a comparison, how each is started, and what is missing if it can't be. */
import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { root } from './clips.js';

/** All contenders use two threads, like the machines that the goals were set on. */
export const THREADS = 2;

export interface Contender {
  readonly name: string;
  readonly label: string;
  readonly isSotto: boolean;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Instructions if something is missing; undefined if it can run. */
  readonly missing?: string;
}

interface SottoModel {
  readonly name: string;
  readonly label: string;
  /** Undefined if it is not configured. */
  readonly folder: string | undefined;
  /** Whether to transcribe without timestamps, as `sotto transcribe` does; the others use timestamps, as the peers do. */
  readonly textAlone?: boolean;
}

/** The peer that ratios are relative to. */
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

/** Sotto's models, then every peer, whether or not it can run. */
export function contenders(models: readonly SottoModel[]): Contender[] {
  return [...models.map(sottoContender), ...PEERS.map(peerContender)];
}

/** The same with the defaults of each program, of those whose workers know them. */
export function contendersAtDefaults(models: readonly SottoModel[]): Contender[] {
  const known = contenders(models).filter(
    ({ isSotto, name }) => isSotto || name.startsWith('faster-whisper'),
  );
  return known.map((one) => ({ ...one, command: [...one.command, 'defaults'] }));
}

function sottoContender({ name, label, folder, textAlone }: SottoModel): Contender {
  const command = [process.execPath, join(root, 'dist/test/bench/contender-worker.js'), folder ?? ''];
  if (textAlone) command.push('text');
  const row = { name, label, isSotto: true, command, env: {} };
  if (folder !== undefined) return row;
  return { ...row, missing: 'set the float16 model directory of base: --model DIR or SOTTO_BASE=DIR' };
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
    isSotto: false,
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
  if (name === 'whisper.cpp') env.LD_LIBRARY_PATH = sitePackages(venv); // the folder of its built libraries
  return env;
}

function sitePackages(venv: string): string {
  const lib = join(venv, 'lib');
  const python = existsSync(lib)
    ? readdirSync(lib).find((entry) => basename(entry).startsWith('python'))
    : undefined;
  return join(lib, python ?? 'python3', 'site-packages');
}

/** Splits the contenders called `names` (default: all) into those that can run and those that can't. */
export function choose(
  all: readonly Contender[],
  names: readonly string[] | undefined,
): { ready: Contender[]; missing: Contender[] } {
  const unknown = names?.find((name) => !all.some((one) => one.name === name));
  if (unknown !== undefined) {
    throw new Error(`unknown contender ${unknown}; choose from ${all.map(({ name }) => name).join(', ')}`);
  }
  const chosen = all.filter(({ name }) => names === undefined || names.includes(name));
  return {
    ready: chosen.filter(({ missing }) => missing === undefined),
    missing: chosen.filter(({ missing }) => missing !== undefined),
  };
}
