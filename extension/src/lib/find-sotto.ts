/** Finds the `sotto` command and a Node to run it with: Raycast does not have the PATH of the user's shell. */
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { resolvePaths, SottoError } from 'sotto/client';

export interface SottoCommand {
  readonly program: string;
  /** Passed before the command's own arguments. */
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/** Missing from Raycast's PATH. */
const PROGRAM_FOLDERS = ['/opt/homebrew/bin', '/usr/local/bin', '/usr/bin', '/bin'];

/**
 * @param preferred the path in the preferences; empty if there is none
 * @throws SottoError DAEMON_UNAVAILABLE
 */
export function findSotto(preferred: string, env: NodeJS.ProcessEnv = process.env): SottoCommand {
  const user = homedir();
  const pathFolders = (env.PATH ?? '').split(delimiter).filter((folder) => folder.startsWith('/'));
  const usualFolders = [...PROGRAM_FOLDERS, join(user, '.local', 'bin'), join(user, '.volta', 'bin')];
  const folders = [...new Set([...pathFolders, ...usualFolders])];
  const configured = preferred.trim().replace(/^~(?=\/)/, user) || env.SOTTO_BIN;
  if (configured !== undefined && configured !== '') {
    if (existsSync(configured)) return commandAt(configured, folders, env);
    throw new SottoError('DAEMON_UNAVAILABLE', `Sotto wasn’t found at ${configured}`, {
      hint: 'fix the path in the extension preferences, or leave it empty',
    });
  }
  const recorded = readLauncher(join(resolvePaths(env).home, 'agent', 'Sotto'));
  if (recorded !== undefined && existsSync(recorded.entry)) {
    const node = [recorded.node, ...folders.map((folder) => join(folder, 'node'))].find(isProgram);
    if (node !== undefined) return commandWith(node, recorded.entry, folders, env);
  }
  const installed = folders.map((folder) => join(folder, 'sotto')).find(isProgram);
  if (installed !== undefined) return commandAt(installed, folders, env);
  throw new SottoError('DAEMON_UNAVAILABLE', 'Sotto isn’t installed on this Mac', {
    hint: 'install it and run `sotto agent install`, or set its path in the extension preferences',
  });
}

interface RecordedCommand {
  readonly node: string;
  readonly entry: string;
}

/** Parses the launcher of `sotto agent install`: the Node that ran it and its module. */
export function parseLauncher(script: string): RecordedCommand | undefined {
  const node = shellWords(/^recorded=(.+)$/m.exec(script)?.[1] ?? '')[0];
  const entry = shellWords(/exec "\$recorded" (.+)$/m.exec(script)?.[1] ?? '')[0];
  return node === undefined || entry === undefined ? undefined : { node, entry };
}

function readLauncher(path: string): RecordedCommand | undefined {
  try {
    return parseLauncher(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

/** Splits shell words, plain or in single quotes. */
function shellWords(line: string): string[] {
  const words = line.match(/(?:'[^']*'|\\'|[^\s'\\])+/g) ?? [];
  return words.map((word) => word.replace(/'([^']*)'|\\'/g, (_, inside?: string) => inside ?? "'"));
}

/** Runs a JavaScript module with an installed Node, and any other program directly. */
function commandAt(path: string, folders: readonly string[], env: NodeJS.ProcessEnv): SottoCommand {
  if (/\.[cm]?js$/.test(path)) {
    const node = [env.SOTTO_NODE ?? '', ...folders.map((folder) => join(folder, 'node'))].find(isProgram);
    if (node !== undefined) return commandWith(node, path, folders, env);
  }
  // Its shebang looks up Node in the PATH, and the right one is most likely next to it.
  return { program: path, args: [], env: withPath([dirname(path), ...folders], env) };
}

function commandWith(
  node: string,
  entry: string,
  folders: readonly string[],
  env: NodeJS.ProcessEnv,
): SottoCommand {
  return { program: node, args: [entry], env: withPath([dirname(node), ...folders], env) };
}

/** A daemon started with this environment looks for ffmpeg in the PATH. */
function withPath(folders: readonly string[], env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...env, PATH: [...new Set(folders)].join(delimiter) };
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return path !== '';
  } catch {
    return false;
  }
}
