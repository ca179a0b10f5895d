import { spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { SottoError } from '../protocol/errors.js';
import { type PcmSource } from './pcm-source.js';
import { deinterleave } from './sample-format.js';
import { FileSource, quotePath } from './file-source.js';
import { openWav } from './containers/wav.js';

/** Hz that the outside decoders are asked for. */
const OUTPUT_RATE_HZ = 16_000;
/** Far below the time without progress after which the engine is replaced. */
const PROGRESS_INTERVAL_MS = 1_000;

/** A decoder that the machine has: used for what the packages here don't read, never needed for the usual formats. */
interface ExternalDecoder {
  readonly kind: 'ffmpeg' | 'afconvert';
  readonly program: string;
}

/** Looked for on PATH and where Homebrew puts it: a launchd job has a short PATH. */
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
  /** Null: there is none. */
  readonly decoder?: ExternalDecoder | null | undefined;
  /** Called while a converter writes its whole output before any audio comes of it: each time that output has grown. */
  readonly onProgress?: (() => void) | undefined;
  /** How often the size of that output is read, in ms. */
  readonly progressIntervalMs?: number | undefined;
}

/** @param format what the file is, for the message when nothing here can read it */
export function openExternal(
  path: string,
  format: string,
  { decoder = findExternalDecoder() ?? null, onProgress, progressIntervalMs }: ExternalOptions = {},
): PcmSource {
  if (decoder === null) {
    throw new SottoError(
      'AUDIO_UNSUPPORTED',
      `${quotePath(path)} is ${format}, which Sotto can't decode by itself`,
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
    sampleRate: OUTPUT_RATE_HZ,
    channels: 1,
    durationSeconds: undefined,
    blocks: () =>
      decoder.kind === 'ffmpeg'
        ? ffmpegBlocks(decoder.program, path, signal)
        : afconvertBlocks(decoder.program, path, signal, { onProgress, progressIntervalMs }),
    // To leave `blocks` is not enough: that waits for a block, and a converter has none before its end.
    stop: () => controller.abort(),
  };
}

async function* ffmpegBlocks(
  program: string,
  path: string,
  signal: AbortSignal,
): ReturnType<PcmSource['blocks']> {
  // An absolute path behind `file:` can be neither an option nor another protocol; playlists may open local files only.
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
    ].concat(['-ar', String(OUTPUT_RATE_HZ), '-f', 's16le', 'pipe:1']),
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
      yield { channels, sampleRate: OUTPUT_RATE_HZ };
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
  { onProgress, progressIntervalMs = PROGRESS_INTERVAL_MS }: ExternalOptions,
): ReturnType<PcmSource['blocks']> {
  const folder = await mkdtemp(join(tmpdir(), 'sotto-audio-'));
  let wav: FileSource | undefined;
  try {
    const output = join(folder, 'audio.wav');
    const child = spawn(
      program,
      ['-f', 'WAVE', '-d', `LEI16@${OUTPUT_RATE_HZ}`, '-c', '1', '--mix', resolve(path), output],
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
    wav = await FileSource.open(output);
    yield* (await openWav(wav)).blocks();
  } finally {
    await wav?.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** To be called again and again: tells `onProgress` each time that the file is larger than before. */
function reportGrowth(path: string, onProgress: (() => void) | undefined): () => void {
  let bytes = 0;
  return () => {
    const now = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    if (now > bytes) onProgress?.();
    bytes = now;
  };
}

function externalDecodeError(path: string, program: string, stderr: string): SottoError {
  const [reason = 'no reason given'] = stderr.trim().split('\n').slice(-1);
  return new SottoError(
    'AUDIO_UNSUPPORTED',
    `${quotePath(path)} can't be decoded, not by ${program} either (${reason})`,
    {
      hint: 'it may be damaged or protected: export or convert it again',
    },
  );
}
