/** Finds or starts the dictation. Its process holds the microphone and outlives the commands that use it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CaptureClient, isOver, SottoError, type Capture, type CaptureOptions } from 'sotto/client';
import type { SottoCommand } from '../lib/find-sotto';
import { defined } from 'sotto/protocol';

const POLL_INTERVAL_MS = 25;
/** Generous: a Mac that just woke up, or the first start of Node, is slow. */
const START_TIMEOUT_MS = 15_000;
/** A process that exits by itself needs less. */
const EXIT_TIMEOUT_MS = 5_000;

export interface DictationStartOptions {
  readonly sotto: () => SottoCommand;
  /** Path of the capture socket. */
  readonly socket: () => string;
  /** Path of the file that gets the standard error of a new process. */
  readonly log: string;
  readonly language?: string;
  readonly model?: string;
  /** Name of the microphone; the system default if omitted or not connected. */
  readonly device?: string;
  readonly sounds: boolean;
  /** Keep recording while no command is connected. */
  readonly keepListening: boolean;
}

export interface DictationHandle {
  readonly capture: CaptureClient;
  readonly first: Capture;
  /** One item for each change; the last one has ended. */
  readonly changes: AsyncGenerator<Capture, void>;
  readonly isNew: boolean;
}

/** The active dictation, or one that has just ended. */
export async function findDictation(socket: string): Promise<DictationHandle | undefined> {
  const capture = await CaptureClient.connect(socket);
  if (capture === undefined) return undefined;
  const changes = capture.updates();
  try {
    const { value: first } = await changes.next();
    return first === undefined ? undefined : { capture, first, changes, isNew: false };
  } catch {
    // The process exited after it accepted the connection.
    return undefined;
  }
}

export function isActive({ phase }: Capture): boolean {
  return !isOver(phase) && phase !== 'cancelled';
}

/**
 * Joins the active dictation, or starts one: in the process that the last dictation left idle, or in a new one.
 * @throws SottoError the reason that the process gives
 */
export async function findOrStartDictation(options: DictationStartOptions): Promise<DictationHandle> {
  return (await startInRunningProcess(options)) ?? (await startInNewProcess(options));
}

/** @returns undefined if there is no process, or it exits because Sotto was updated since it started */
async function startInRunningProcess({
  socket,
  ...options
}: DictationStartOptions): Promise<DictationHandle | undefined> {
  const capture = await CaptureClient.connect(socket());
  if (capture === undefined) return undefined;
  try {
    const { dictation, isNew } = await capture.begin(captureOptions(options));
    const changes = capture.updates();
    const { value: first = dictation } = await changes.next();
    return { capture, first, changes, isNew };
  } catch (thrown) {
    const { code } = SottoError.from(thrown);
    // An outdated process closes the connection when it exits; a new one started earlier would find the socket taken.
    if (code === 'VERSION_MISMATCH') await Promise.race([capture.closed, sleep(EXIT_TIMEOUT_MS)]);
    capture.close();
    if (code !== 'VERSION_MISMATCH' && code !== 'DAEMON_LOST') throw thrown;
    return undefined;
  }
}

async function startInNewProcess(options: DictationStartOptions): Promise<DictationHandle> {
  const started = startCapture(options);
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    const found = await findDictation(options.socket());
    if (found !== undefined) return { ...found, isNew: true };
    const exitError = started.exitError();
    if (exitError !== undefined) throw exitError;
    if (Date.now() > deadline) {
      throw new SottoError('TIMEOUT', 'dictation didn’t start', { hint: `see ${options.log}` });
    }
    await sleep(POLL_INTERVAL_MS);
  }
}

function captureOptions({
  language,
  model,
  device,
  keepListening,
  sounds,
}: Omit<DictationStartOptions, 'socket'>): CaptureOptions {
  return {
    keepListening,
    sounds,
    ...defined({ language, model, device }),
  };
}

interface StartedProcess {
  /** Undefined while the process runs. */
  exitError(): SottoError | undefined;
}

/**
 * A direct child, so that macOS asks for the microphone in Raycast's name; detached, so that it outlives the command. It
 * stays idle for the next dictation until Raycast quits or an hour passes without one. No process reaps it once the
 * command is unloaded, so each exit leaves a zombie until Raycast quits.
 */
function startCapture({
  sotto,
  log,
  language,
  model,
  device,
  keepListening,
  sounds,
}: DictationStartOptions): StartedProcess {
  const { program, args, env } = sotto();
  mkdirSync(dirname(log), { recursive: true });
  const logFile = openSync(log, 'w', 0o600);
  let exitError: SottoError | undefined;
  let child: ChildProcess;
  try {
    child = spawn(
      program,
      [
        ...args,
        'capture',
        // Raycast may quit before the process reads its parent's id itself.
        '--parent',
        String(process.pid),
        ...(keepListening ? ['--keep-listening'] : []),
        ...(language === undefined ? [] : ['--language', language]),
        ...(model === undefined ? [] : ['--model', model]),
        ...(device === undefined ? [] : ['--device', device]),
        ...(sounds ? ['--sounds'] : []),
      ],
      { detached: true, stdio: ['ignore', 'ignore', logFile], env, cwd: '/' },
    );
  } finally {
    closeSync(logFile);
  }
  child.on('error', (cause) => {
    exitError = new SottoError('DAEMON_UNAVAILABLE', `${program} didn’t start: ${cause.message}`, {
      cause,
      hint: 'fix the path in the extension preferences, or leave it empty',
    });
  });
  // Node reaps a child only while it handles the exit event.
  child.on('exit', (code, signal) => {
    exitError ??= new SottoError(
      'DAEMON_UNAVAILABLE',
      lastLine(log) ?? `dictation exited at once (${signal ?? code})`,
    );
  });
  child.unref();
  return { exitError: () => exitError };
}

/** Without the prefix `sotto: `. */
function lastLine(log: string): string | undefined {
  const lines = readFileSync(log, 'utf8').trim().split('\n');
  return lines.at(-1)?.replace(/^sotto: /, '') || undefined;
}
