import { spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { SottoError } from '../protocol/errors.js';
import { type PcmSource } from './pcm-source.js';
import { deinterleave } from './sample-format.js';
import { PositionedFile, quotePath } from './positioned-file.js';
import { openWav } from './containers/wav.js';

/** Hz. */
const DEFAULT_RATE = 16_000;
/** Far below the time without progress after which the engine is restarted. */
const PROGRESS_INTERVAL_MS = 1_000;

/** A decoder installed on this machine, for formats that the packages here don't read. */
export interface ExternalDecoder {
  readonly kind: 'ffmpeg' | 'afconvert';
  readonly program: string;
}

/** Searches PATH and Homebrew's folders: a launchd job has a short PATH. */
export function findExternalDecoder(env: NodeJS.ProcessEnv = process.env): ExternalDecoder | undefined {
  const folders = [...(env.PATH ?? '').split(delimiter), '/opt/homebrew/bin', '/usr/local/bin', '/usr/bin'];
  const find = (name: string) =>
    folders
      .filter(Boolean)
      .map((folder) => join(folder, name))
      .find(isExecutable);
  const ffmpeg = find('ffmpeg');
  if (ffmpeg !== undefined) return { kind: 'ffmpeg', program: ffmpeg };
  const afconvert = process.platform === 'darwin' ? '/usr/bin/afconvert' : undefined;
  return afconvert !== undefined && isExecutable(afconvert)
    ? { kind: 'afconvert', program: afconvert }
    : undefined;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

interface ExternalOptions {
  /** Null if none is installed. */
  readonly decoder?: ExternalDecoder | null | undefined;
  /** Called each time the output of a converter has grown, which writes all of it before any audio is read. */
  readonly onProgress?: (() => void) | undefined;
  /** Hz of the output; 16,000 if omitted. */
  readonly sampleRate?: number | undefined;
  /** A converter's shorter output is an error: it may have stopped at damage. */
  readonly minSeconds?: number | undefined;
  /** Interval for checking the size of that output, in ms. */
  readonly progressIntervalMs?: number | undefined;
}

/** @param format name of the format, for the error message */
export function openExternal(path: string, format: string, options: ExternalOptions = {}): PcmSource {
  const { decoder = findExternalDecoder() ?? null, sampleRate = DEFAULT_RATE } = options;
  if (decoder === null) {
    throw new SottoError(
      'AUDIO_UNSUPPORTED',
      `${quotePath(path)} is ${format}, which Sotto can't decode without ffmpeg`,
      {
        hint: 'install ffmpeg, or convert it to WAV, FLAC, MP3 or M4A (AAC)',
      },
    );
  }
  const controller = new AbortController();
  const { signal } = controller;
  return {
    container: 'other',
    codec: `${format} (${decoder.kind})`,
    sampleRate,
    channels: 1,
    durationSeconds: undefined,
    blocks: () =>
      decoder.kind === 'ffmpeg'
        ? ffmpegBlocks(decoder.program, path, signal, sampleRate)
        : afconvertBlocks(decoder.program, path, signal, { ...options, sampleRate }),
    // Returning from `blocks` is not enough: it waits for a block, and a converter has none before it ends.
    stop: () => controller.abort(),
  };
}

async function* ffmpegBlocks(
  program: string,
  path: string,
  signal: AbortSignal,
  sampleRate: number,
): ReturnType<PcmSource['blocks']> {
  // An absolute path after `file:` can be neither an option nor another protocol; playlists may open local files only.
  const input = `file:${resolve(path)}`;
  const child = spawn(
    program,
    [
      '-nostdin',
      '-v',
      'error',
      '-protocol_whitelist',
      'file,pipe',
      '-i',
      input,
      '-map',
      '0:a:0',
      '-ac',
      '1',
    ].concat(['-ar', String(sampleRate), '-f', 's16le', 'pipe:1']),
    { stdio: ['ignore', 'pipe', 'pipe'], signal, killSignal: 'SIGKILL' },
  );
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-2000)));
  const ended = new Promise<number | null>((done) => {
    child.once('error', (error) => {
      stderr ||= error.message;
      done(null);
    });
    child.once('close', (code) => done(code));
  });
  let decoded = 0;
  try {
    let remainder: Buffer = Buffer.alloc(0);
    for await (const piece of child.stdout as AsyncIterable<Buffer>) {
      const bytes = remainder.length > 0 ? Buffer.concat([remainder, piece]) : piece;
      const channels = deinterleave(bytes, 's16le', 1);
      remainder = bytes.subarray(bytes.length - (bytes.length % 2));
      decoded += channels[0]?.length ?? 0;
      yield { channels, sampleRate };
    }
    if ((await ended) !== 0 || decoded === 0) throw externalDecodeError(path, 'ffmpeg', stderr);
  } finally {
    child.kill('SIGKILL');
  }
}

/** afconvert writes to files only. */
async function* afconvertBlocks(
  program: string,
  path: string,
  signal: AbortSignal,
  {
    minSeconds = 0,
    onProgress,
    progressIntervalMs = PROGRESS_INTERVAL_MS,
    sampleRate,
  }: ExternalOptions & { sampleRate: number },
): ReturnType<PcmSource['blocks']> {
  const folder = await mkdtemp(join(tmpdir(), 'sotto-audio-'));
  let wav: PositionedFile | undefined;
  try {
    const output = join(folder, 'audio.wav');
    const child = spawn(
      program,
      ['-f', 'WAVE', '-d', `LEI16@${sampleRate}`, '-c', '1', '--mix', resolve(path), output],
      { stdio: ['ignore', 'ignore', 'pipe'], signal, killSignal: 'SIGKILL' },
    );
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-2000)));
    const timer = setInterval(reportGrowth(output, onProgress), progressIntervalMs);
    const code = await new Promise<number | null>((done) => {
      child.once('error', () => done(null));
      child.once('close', done);
    }).finally(() => clearInterval(timer));
    if (code !== 0) throw externalDecodeError(path, 'afconvert', stderr);
    wav = await PositionedFile.open(output);
    const decoded = await openWav(wav);
    if ((decoded.durationSeconds ?? 0) < minSeconds)
      throw externalDecodeError(path, 'afconvert', 'its output is too short');
    yield* decoded.blocks();
  } finally {
    await wav?.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Returns a function that calls `onProgress` if the file has grown since its last call. */
function reportGrowth(path: string, onProgress: (() => void) | undefined): () => void {
  let bytes = 0;
  return () => {
    const now = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    if (now > bytes) onProgress?.();
    bytes = now;
  };
}

function externalDecodeError(path: string, program: string, stderr: string): SottoError {
  const [reason = 'unknown error'] = stderr.trim().split('\n').slice(-1);
  return new SottoError(
    'AUDIO_UNSUPPORTED',
    `${quotePath(path)} can't be decoded, even by ${program} (${reason})`,
    {
      hint: 'it may be damaged or protected: export or convert it again',
    },
  );
}
