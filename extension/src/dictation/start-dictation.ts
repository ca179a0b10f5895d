/** The dictation that goes on, or a new one: its process holds the microphone, and outlives the commands that use it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { CaptureClient, isOver, SottoError, type Capture, type CaptureOptions } from 'sotto/client';
import type { SottoCommand } from '../lib/find-sotto';
import { defined } from 'sotto/protocol';

const POLL_INTERVAL_MS = 25;
/** A Mac that has just woken up, or a Node that is started for the first time, takes its time. */
const START_TIMEOUT_MS = 15_000;
/** A process that leaves needs less; one that does not leave is not waited for longer. */
const EXIT_TIMEOUT_MS = 5_000;

export interface DictationStartOptions {
  readonly sotto: () => SottoCommand;
  /** Path of the socket at which a dictation is found. */
  readonly socket: () => string;
  /** Where what a new one says before anybody looks at it is kept. */
  readonly log: string;
  readonly language?: string;
  readonly model?: string;
  /** The microphone, by name; the system's own where it is left out, or not connected. */
  readonly device?: string;
  readonly sounds: boolean;
  /** Whether it goes on when nobody looks at it. */
  readonly keepListening: boolean;
}

export interface DictationHandle {
  readonly capture: CaptureClient;
  /** As it was found. */
  readonly first: Capture;
  /** As it is at each change; the last one is over. */
  readonly changes: AsyncGenerator<Capture, void>;
  readonly isNew: boolean;
}

/** The dictation that goes on, or has just ended, if there is one. */
export async function findDictation(socket: string): Promise<DictationHandle | undefined> {
  const capture = await CaptureClient.connect(socket);
  if (capture === undefined) return undefined;
  const changes = capture.updates();
  try {
    const { value: first } = await changes.next();
    return first === undefined ? undefined : { capture, first, changes, isNew: false };
  } catch {
    // Gone in the moment between.
    return undefined;
  }
}

/** Whether it can still be finished. */
export function isActive({ phase }: Capture): boolean {
  return !isOver(phase) && phase !== 'cancelled';
}

/**
 * Finds the dictation that goes on, or begins one: in the process that waits since the last one, or in a new process.
 * @throws SottoError as the process said it
 */
export async function findOrStartDictation(options: DictationStartOptions): Promise<DictationHandle> {
  return (await startInRunningProcess(options)) ?? (await startInNewProcess(options));
}

/** In the process that is there. Undefined where there is none, or it leaves because Sotto was replaced meanwhile. */
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
    // It closes the connection itself, when it has left: the next one is not to meet it.
    if (code === 'VERSION_MISMATCH') await Promise.race([capture.closed, pause(EXIT_TIMEOUT_MS)]);
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
      throw new SottoError('TIMEOUT', 'the dictation does not begin', { hint: `see ${options.log}` });
    }
    await pause(POLL_INTERVAL_MS);
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
  /** Why it ended, if it did. */
  exitError(): SottoError | undefined;
}

/**
 * A direct child, so that macOS charges the microphone to Raycast; in a group of its own, so that it outlives the command. It
 * stays for the next dictations, until Raycast ends or nobody dictates for an hour: nobody waits for it when the command is
 * gone, so each one that ends leaves a zombie until Raycast does.
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
        // Raycast may end before the process has looked whose child it is.
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
    exitError = new SottoError('DAEMON_UNAVAILABLE', `${program} does not start: ${cause.message}`, {
      cause,
      hint: 'correct the path in the preferences of this extension, or leave it empty',
    });
  });
  // Listened to in any case: a child that nobody waits for stays as a zombie.
  child.on('exit', (code, signal) => {
    exitError ??= new SottoError(
      'DAEMON_UNAVAILABLE',
      lastLine(log) ?? `it ended at once (${signal ?? code})`,
    );
  });
  child.unref();
  return { exitError: () => exitError };
}

/** The last line, without the name in front of it. */
function lastLine(log: string): string | undefined {
  const lines = readFileSync(log, 'utf8').trim().split('\n');
  return lines.at(-1)?.replace(/^sotto: /, '') || undefined;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
