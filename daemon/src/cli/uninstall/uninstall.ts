/** `sotto uninstall`: stops Sotto and removes everything except what the user keeps. */
import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { sleep, timeout } from '../../async.js';
import { CaptureClient } from '../../client/capture-client.js';
import { packageRoot, type Paths } from '../../paths.js';
import { messageOf, SottoError } from '../../protocol/errors.js';
import { reasonOf } from '../../protocol/file-errors.js';
import { activeHolder } from '../../server/daemon-lock.js';
import { formatBytes } from '../../store/download/format-bytes.js';
import { tryLock } from '../../store/process-lock.js';
import { managerFor } from '../agent/agent-actions.js';
import { daemonStop } from '../daemon/daemon-actions.js';
import { INTERRUPTED } from '../interrupt.js';
import { padEnd } from '../terminal/columns.js';
import { namesIn } from './owned-files.js';
import { findPieces, type FoundPieces, type Keepable, type Piece } from './find-pieces.js';
import { terminalPrompt, type ConfirmPrompt } from '../confirm-prompt.js';

/** A dictation in progress is finished first. */
const CAPTURE_TIMEOUT_MS = 20_000;
const EXIT_TIMEOUT_MS = 2_000;
const POLL_INTERVAL_MS = 50;
const MAX_ROUNDS = 3;
/** Kept if the agent can't be removed, so that the user can try again. */
const AGENT_PIECES = new Set(['the program', 'the command']);

export interface UninstallOptions {
  /** What to keep; asked if absent. */
  readonly keep?: readonly Keepable[];
  /** Skip the questions. */
  readonly yes: boolean;
  /** Only print what would be removed. */
  readonly dryRun: boolean;
}

/** @returns exit code 3 if something could not be removed @throws SottoError INVALID_ARGUMENT, CANCELLED */
export async function uninstall(
  paths: Paths,
  run: UninstallOptions,
  prompt = terminalPrompt(),
): Promise<number> {
  const found = findPieces(paths);
  if (run.dryRun) {
    printPieces(found, new Set(run.keep ?? []));
    printLine('Dry run: nothing was removed.');
    return 0;
  }
  const keep = await choosePiecesToKeep(found, run, prompt);
  if (keep === undefined) return INTERRUPTED;
  if (keep === 'not wanted') {
    printLine('Nothing was removed.');
    return 1;
  }
  const failures: string[] = [];
  // Dictations first, because the daemon writes their text.
  if (!(await stopCapture(paths))) failures.push('a dictation in the background won’t stop');
  const agentFailure = await removeAgent(paths);
  if (agentFailure !== undefined) failures.push(agentFailure);
  const isKept = ({ what, keep: name }: Piece): boolean =>
    (name !== undefined && keep.has(name)) || (agentFailure !== undefined && AGENT_PIECES.has(what));
  failures.push(...(await stopAndRemove(paths, isKept)));
  for (const failure of failures) process.stderr.write(`sotto: ${failure}\n`);
  const message =
    agentFailure === undefined
      ? 'Sotto was uninstalled.'
      : 'Sotto was uninstalled, except for its login agent.';
  const stays = found.pieces.filter(isKept);
  printLine(stays.length === 0 ? message : `${message} Kept: ${names(stays)} in ${paths.home}`);
  for (const path of [...found.foreignFiles, ...foreignFilesIn(found, isKept)])
    printLine(`not part of Sotto, left in place: ${path}`);
  const rest = cleanupHint();
  if (rest !== undefined) printLine(rest);
  if (process.platform === 'darwin')
    printLine('Remove the extension in Raycast: Settings › Extensions › Sotto');
  return failures.length > 0 ? 3 : 0;
}

/** Foreign files in Sotto's folders, such as the user's own models. */
function foreignFilesIn({ pieces }: FoundPieces, isKept: (piece: Piece) => boolean): string[] {
  const folders = pieces
    .filter((piece) => !isKept(piece))
    .flatMap(({ owned }) => owned.map(({ folders }) => folders.at(-1)));
  return folders.flatMap((folder) =>
    folder === undefined ? [] : namesIn(folder).map((name) => join(folder, name)),
  );
}

/** Resolves to undefined after Ctrl-C. */
async function choosePiecesToKeep(
  found: FoundPieces,
  { keep, yes }: UninstallOptions,
  prompt: ConfirmPrompt | undefined,
): Promise<Set<Keepable> | 'not wanted' | undefined> {
  if (yes) {
    if (keep !== undefined) return new Set(keep);
    throw new SottoError('INVALID_ARGUMENT', '--yes needs --keep or --all', {
      hint: 'choose what to keep: --keep models,history,settings, or --all to remove everything',
    });
  }
  if (prompt === undefined) {
    throw new SottoError('INVALID_ARGUMENT', 'not a terminal, so this can’t be confirmed', {
      hint: 'use --yes with --all or --keep models,history,settings; --dry-run shows what would be removed',
    });
  }
  const stays = new Set(keep ?? []);
  printPieces(found, stays);
  for (const piece of keep === undefined ? found.pieces : []) {
    if (piece.keep === undefined || piece.bytes === 0) continue;
    const answer = await prompt(`Keep your ${piece.what} (${formatBytes(piece.bytes)})?`, true);
    if (answer === undefined) return undefined;
    if (answer) stays.add(piece.keep);
  }
  const isWanted = await prompt('Remove Sotto?', false);
  return isWanted === undefined ? undefined : isWanted ? stays : 'not wanted';
}

function printPieces({ pieces, foreignFiles }: FoundPieces, stays: ReadonlySet<Keepable>): void {
  if (pieces.length === 0) printLine('No files of Sotto found.');
  for (const { what, paths, bytes, keep } of pieces) {
    // Such as locks of finished batches.
    if (bytes === 0) continue;
    const action = keep !== undefined && stays.has(keep) ? 'keep  ' : 'remove';
    printLine(`${action}  ${padEnd(what, 24)} ${padEnd(formatBytes(bytes), 10)} ${paths.join(', ')}`);
  }
  for (const path of foreignFiles)
    printLine(`keep    ${padEnd('not part of Sotto', 24)} ${' '.repeat(10)} ${path}`);
}

/** @returns why the agent could not be removed */
async function removeAgent(paths: Paths): Promise<string | undefined> {
  try {
    if (isAgentOf(paths)) {
      await managerFor(paths).uninstall();
      printLine('Login agent removed.');
    }
    return undefined;
  } catch (error) {
    return `${messageOf(error)} — the program was kept so that you can try again`;
  }
}

/** Repeats the removal, because a starting daemon may write files again. @returns error messages */
async function stopAndRemove(paths: Paths, isKept: (piece: Piece) => boolean): Promise<string[]> {
  for (let round = 1; ; round++) {
    const failures = [...(await stopDaemon(paths)), ...removeAll(findPieces(paths), isKept)];
    if (round === MAX_ROUNDS || findPieces(paths).pieces.every(isKept)) return failures;
  }
}

/** @returns error messages */
async function stopDaemon(paths: Paths): Promise<string[]> {
  try {
    if (existsSync(paths.runtime) || existsSync(paths.lock)) await daemonStop(paths);
    return [];
  } catch (error) {
    const holder = await activeHolder(paths);
    if (holder === undefined) return [messageOf(error)];
    process.kill(holder.pid, 'SIGKILL');
    return [];
  }
}

/** Each user has one agent, which may belong to another home (SOTTO_HOME). */
function isAgentOf(paths: Paths): boolean {
  const owner = managerFor(paths).owner();
  return owner === 'none' ? existsSync(join(paths.home, 'agent', 'Sotto')) : owner === 'own';
}

/** The microphone process is a child of the launcher: it is asked to stop, never killed. @returns whether it stopped */
async function stopCapture({ runtime, capture }: Paths): Promise<boolean> {
  if (!existsSync(runtime)) return true;
  const stopped = CaptureClient.leave(capture).catch(() => undefined);
  await timeout(stopped, CAPTURE_TIMEOUT_MS);
  // The process holds this lock until it exits.
  for (const untilMs = performance.now() + EXIT_TIMEOUT_MS; ; await sleep(POLL_INTERVAL_MS)) {
    const lock = tryLock(join(runtime, 'capture.lock'));
    lock?.release();
    if (lock !== undefined) return true;
    if (performance.now() > untilMs) return false;
  }
}

/** @returns error messages */
function removeAll({ pieces, folders }: FoundPieces, isKept: (piece: Piece) => boolean): string[] {
  const failures: string[] = [];
  const attempt = (path: string, act: () => void): void => {
    try {
      act();
    } catch (error) {
      failures.push(`${path} can't be removed: ${reasonOf(error)}`);
    }
  };
  for (const piece of pieces) {
    if (isKept(piece)) continue;
    for (const { files, trees, folders: inner } of piece.owned) {
      for (const path of files) attempt(path, () => rmSync(path, { force: true }));
      for (const path of trees)
        attempt(path, () => rmSync(path, { recursive: true, force: true, maxRetries: 3 }));
      for (const path of inner) attempt(path, () => removeEmpty(path));
    }
  }
  for (const folder of folders) attempt(folder, () => removeEmpty(folder));
  return failures;
}

/** Remaining files are not Sotto's. */
function removeEmpty(folder: string): void {
  if (existsSync(folder) && readdirSync(folder).length === 0) rmdirSync(folder);
}

/** How to remove what another installer put there. */
function cleanupHint(): string | undefined {
  if (!existsSync(packageRoot)) return undefined;
  if (packageRoot.includes('/node_modules/')) return 'Remove the command itself with: npm rm -g sotto';
  return `The clone was kept: ${packageRoot}`;
}

function names(pieces: readonly Piece[]): string {
  return pieces.map(({ what }) => what).join(', ');
}

function printLine(text: string): void {
  process.stdout.write(`${text}\n`);
}
