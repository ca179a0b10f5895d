/** The files of an agent: written atomically, removed without a trace. */
import { chmodSync, existsSync, readFileSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { makeFolder } from '#daemon/make-folder.js';
import { SottoError } from '#daemon/protocol/errors.js';
import { hintOf, reasonOf } from '#daemon/protocol/file-errors.js';
import type { AgentPlan, AgentStatus } from './agent.js';

export interface AgentFile {
  readonly path: string;
  readonly content: string;
  readonly mode: number;
}

/** Compares the files on disk with those that this version would write. */
export function readInstallState(files: readonly AgentFile[]): AgentStatus['installed'] {
  if (!files.every(({ path }) => existsSync(path))) return 'no';
  return files.every(({ path, content }) => readFileSync(path, 'utf8') === content) ? 'yes' : 'outdated';
}

/** @param marker text that the file contains if it belongs to this plan */
export function ownerOf(file: string, marker: string): 'none' | 'own' | 'other' {
  if (!existsSync(file)) return 'none';
  return readFileSync(file, 'utf8').includes(marker) ? 'own' : 'other';
}

/** @throws SottoError AGENT_FAILED */
export function requireInstalled(files: readonly AgentFile[]): void {
  if (readInstallState(files) !== 'no') return;
  throw new SottoError('AGENT_FAILED', 'the login agent is not installed', {
    hint: 'install it with `sotto agent install`',
  });
}

/** Creates the folders, since service managers do not, and an agent without its log folder does not start. @throws SottoError AGENT_FAILED */
export function makeFolders({ log, folder }: AgentPlan): void {
  withAgentError(() => {
    for (const needed of [dirname(log), folder]) makeFolder(needed, 0o700);
  });
}

/** @throws SottoError AGENT_FAILED */
export function writeFiles(files: readonly AgentFile[]): void {
  withAgentError(() => {
    for (const { path, content, mode } of files) {
      makeFolder(dirname(path));
      const draft = draftPath(path);
      writeFileSync(draft, content, { mode });
      // The umask restricts the mode of a new file.
      chmodSync(draft, mode);
      renameSync(draft, path);
    }
  });
}

function withAgentError(action: () => void): void {
  try {
    action();
  } catch (cause) {
    throw new SottoError('AGENT_FAILED', `can't write the login agent: ${reasonOf(cause)}`, {
      cause,
      hint: hintOf(cause) ?? 'check the permissions of its folder',
    });
  }
}

/** Temporary file, which a killed process may leave behind. */
function draftPath(path: string): string {
  return `${path}.new`;
}

/** @returns whether there were any files */
export function removeFiles(files: readonly AgentFile[]): boolean {
  let hadFiles = false;
  for (const { path } of files) {
    hadFiles ||= existsSync(path);
    for (const file of [path, draftPath(path)]) rmSync(file, { force: true });
  }
  const launcherFolder = dirname(files[0]?.path ?? '');
  try {
    if (hadFiles) rmdirSync(launcherFolder);
  } catch {
    // The folder holds other files.
  }
  return hadFiles;
}
