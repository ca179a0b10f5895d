/** Contenders of the quality bench with their settings, and the cached transcripts of the peers. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { TranscribeOptions } from '#daemon/protocol/transcription.js';
import { root } from '../clips.js';
import { THREADS } from '../contenders.js';
import { cacheFolder, digest, type QualityClip } from './generated-clips.js';

export interface SottoColumn {
  readonly name: string;
  readonly program: 'Sotto';
  readonly options: TranscribeOptions;
}

interface PeerColumn {
  readonly name: string;
  readonly program: 'faster-whisper' | 'openai-whisper';
  /** Arguments of the library's own transcribe(). */
  readonly settings: Readonly<Record<string, unknown>>;
}

const FALLBACK = [0, 0.2, 0.4, 0.6, 0.8, 1];
const GREEDY = { temperature: 0, condition_on_previous_text: false };

/** The options of `sotto transcribe FILE`; all contenders get the language. */
export const DEFAULT = 'Sotto default';

/**
 * `greedy` is the same for all: temperature 0 only, no previous text, no VAD. The others use the defaults of each
 * program, with the beam size and VAD in their names.
 */
export const SOTTO_COLUMNS: readonly SottoColumn[] = [
  {
    name: 'Sotto greedy',
    program: 'Sotto',
    options: { temperature: [0], timestamps: true, whisper: { conditionOnPreviousText: false }, vad: false },
  },
  { name: 'Sotto beam 5', program: 'Sotto', options: { beamSize: 5, whisper: { bestOf: 5 }, vad: false } },
  { name: DEFAULT, program: 'Sotto', options: { timestamps: 'auto' } },
  { name: 'Sotto default with times', program: 'Sotto', options: {} },
  { name: 'Sotto beam 5 + VAD', program: 'Sotto', options: { beamSize: 5, whisper: { bestOf: 5 } } },
];

export const PEERS: readonly PeerColumn[] = [
  {
    name: 'faster-whisper greedy',
    program: 'faster-whisper',
    settings: { ...GREEDY, beam_size: 1, best_of: 1 },
  },
  { name: 'faster-whisper default (beam 5)', program: 'faster-whisper', settings: {} },
  { name: 'faster-whisper beam 5 + VAD', program: 'faster-whisper', settings: { vad_filter: true } },
  { name: 'openai greedy', program: 'openai-whisper', settings: GREEDY },
  {
    name: 'openai default (beam 5)',
    program: 'openai-whisper',
    settings: { beam_size: 5, best_of: 5, temperature: FALLBACK }, // defaults of its command line
  },
];

const reference = join(root, 'test/reference');
const INSTALLS = {
  'faster-whisper': { python: '.venv-ct2/bin/python', weights: '.weights-peers/base-ct2' },
  'openai-whisper': { python: '.venv-torch/bin/python', weights: '.weights-peers/base.pt' },
} as const;
type Program = keyof typeof INSTALLS;

const CachedTranscript = z.object({ text: z.string(), version: z.string() });

interface PeerTranscripts {
  /** Column → clip → text, without clips that were not transcribed. */
  readonly texts: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly versions: Readonly<Record<string, string>>;
  /** Missing transcripts, with the reason. */
  readonly skipped: readonly string[];
}

/**
 * Transcripts of the peers, from the cache or, with `runMissing`, computed now. The cache key is program, weights,
 * settings and the clip's bytes.
 *
 * @param wanted names of columns; all by default
 */
export function peerTranscripts(
  clips: readonly QualityClip[],
  runMissing: boolean,
  wanted?: readonly string[],
): PeerTranscripts {
  const columns = PEERS.filter(({ name }) => wanted?.includes(name) ?? true);
  const skipped: string[] = [];
  const missing = new Map<Program, string | undefined>();
  const source = join(reference, '.weights-peers/source');
  const weights = existsSync(source) ? readFileSync(source, 'utf8').trim() : 'none';
  for (const program of Object.keys(INSTALLS) as Program[]) {
    const jobs = jobsOf(program, columns, clips, weights).filter(({ out }) => !existsSync(out));
    const reason = runMissing ? missingSetup(program) : 'peers are disabled';
    missing.set(program, reason);
    if (jobs.length > 0 && reason === undefined) run(program, jobs);
  }
  const versions: Record<string, string> = {};
  const texts = new Map<string, ReadonlyMap<string, string>>();
  for (const { name, program, settings } of columns) {
    const found = new Map<string, string>();
    for (const clip of clips) {
      const file = outOf(program, settings, clip, weights);
      if (!existsSync(file)) continue;
      const { text, version } = CachedTranscript.parse(JSON.parse(readFileSync(file, 'utf8')));
      found.set(clip.id, text);
      versions[program] = version;
    }
    if (found.size < clips.length) {
      const why = missing.get(program) ?? `${program} failed`;
      skipped.push(`${name}: ${clips.length - found.size} of ${clips.length} clips (${why})`);
    }
    if (found.size > 0) texts.set(name, found);
  }
  return { texts, versions, skipped };
}

interface Job {
  readonly file: string;
  readonly language: string;
  readonly settings: object;
  readonly out: string;
}

function jobsOf(
  program: Program,
  columns: readonly PeerColumn[],
  clips: readonly QualityClip[],
  weights: string,
): Job[] {
  const own = columns.filter((column) => column.program === program);
  return clips.flatMap((clip) =>
    own.map(({ settings }) => ({
      file: clip.file,
      language: clip.language,
      settings,
      out: outOf(program, settings, clip, weights),
    })),
  );
}

function outOf(program: Program, settings: object, clip: QualityClip, weights: string): string {
  const key = digest(JSON.stringify([weights, settings, clip.language, clip.hash]));
  return join(cacheFolder(), 'transcripts', program, `${key}.json`);
}

function missingSetup(program: Program): string | undefined {
  const { python, weights } = INSTALLS[program];
  const there = existsSync(join(reference, python)) && existsSync(join(reference, weights));
  return there ? undefined : `run test/bench/peers/setup.sh FLOAT16_DIR ${program}`;
}

function run(program: Program, jobs: readonly Job[]): void {
  const { python, weights } = INSTALLS[program];
  const folder = cacheFolder();
  mkdirSync(folder, { recursive: true });
  const list = join(folder, `${program}.jobs.jsonl`);
  writeFileSync(list, jobs.map((job) => JSON.stringify(job) + '\n').join(''));
  console.error(`${program}: ${jobs.length} transcripts to make`);
  const argv = [
    join(reference, 'transcribe-peer.py'),
    program,
    join(reference, weights),
    list,
    String(THREADS),
  ];
  const { status } = spawnSync(join(reference, python), argv, { stdio: ['ignore', 'ignore', 'inherit'] });
  if (status !== 0) console.error(`${program} exited with ${status}; its finished transcripts are kept`);
}
