/** Where the `sotto` command is on this machine, and with which Node to run it: Raycast has no shell and no PATH of one. */
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { resolvePaths, SottoError } from 'sotto/client';

export interface SottoCommand {
  readonly program: string;
  /** What goes in front of the command's own arguments. */
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/** Folders in which programs lie that Raycast’s own PATH does not name. */
const PROGRAM_FOLDERS = ['/opt/homebrew/bin', '/usr/local/bin', '/usr/bin', '/bin'];

/**
 * @param preferred a path from the preferences; empty where there is none
 * @throws SottoError DAEMON_UNAVAILABLE
 */
export function findSotto(preferred: string, env: NodeJS.ProcessEnv = process.env): SottoCommand {
  const user = homedir();
  const own = (env.PATH ?? '').split(delimiter).filter((folder) => folder.startsWith('/'));
  const others = [...PROGRAM_FOLDERS, join(user, '.local', 'bin'), join(user, '.volta', 'bin')];
  const folders = [...new Set([...own, ...others])];
  const configured = preferred.trim().replace(/^~(?=\/)/, user) || env.SOTTO_BIN;
  if (configured !== undefined && configured !== '') {
    if (existsSync(configured)) return commandAt(configured, folders, env);
    throw new SottoError('DAEMON_UNAVAILABLE', `there is no Sotto at ${configured}`, {
      hint: 'correct the path in the preferences of this extension, or leave it empty',
    });
  }
  const recorded = readLauncher(join(resolvePaths(env).home, 'agent', 'Sotto'));
  if (recorded !== undefined && existsSync(recorded.entry)) {
    const node = [recorded.node, ...folders.map((folder) => join(folder, 'node'))].find(isProgram);
    if (node !== undefined) return commandWith(node, recorded.entry, folders, env);
  }
  const installed = folders.map((folder) => join(folder, 'sotto')).find(isProgram);
  if (installed !== undefined) return commandAt(installed, folders, env);
  throw new SottoError('DAEMON_UNAVAILABLE', 'Sotto is not installed on this Mac', {
    hint: 'install it and run `sotto agent install`, or give its path in the preferences of this extension',
  });
}

interface RecordedCommand {
  readonly node: string;
  readonly entry: string;
}

/** What `sotto agent install` has written down: the Node that ran it and the module that it ran. */
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

/** Words of a shell, plain or in single quotes. */
function shellWords(line: string): string[] {
  const words = line.match(/(?:'[^']*'|\\'|[^\s'\\])+/g) ?? [];
  return words.map((word) => word.replace(/'([^']*)'|\\'/g, (_, inside?: string) => inside ?? "'"));
}

/** A module is run with a Node that is installed; anything else runs by itself. */
function commandAt(path: string, folders: readonly string[], env: NodeJS.ProcessEnv): SottoCommand {
  if (/\.[cm]?js$/.test(path)) {
    const node = [env.SOTTO_NODE ?? '', ...folders.map((folder) => join(folder, 'node'))].find(isProgram);
    if (node !== undefined) return commandWith(node, path, folders, env);
  }
  // Its first line asks the PATH for Node: most likely the one beside it.
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

/** The daemon, where it has to be started, looks for ffmpeg there. */
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
