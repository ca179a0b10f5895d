/** What Sotto has put on this machine, piece by piece: by names that are its own, never a folder whose content it does not know. */
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { homedir, platform } from 'node:os';
import { join } from 'node:path';
import { absolute, type Paths } from '../paths.js';

/** What somebody may want to have again. */
export const KEEPABLE = ['models', 'history', 'settings'] as const;
export type Keepable = (typeof KEEPABLE)[number];

export interface Piece {
  readonly what: string;
  readonly paths: readonly string[];
  readonly bytes: number;
  readonly keep?: Keepable;
}

type Env = Readonly<Record<string, string | undefined>>;

/** Of the home and the folder of the sockets. The first that fits names the piece. */
const NAMES: readonly (readonly [RegExp, string, Keepable?])[] = [
  [/^models$/, 'models', 'models'],
  // Audio that waits in the spool is of dictations, too: those that nobody has got the text of.
  [/^(history\.db.*|recordings|spool)$/, 'past dictations', 'history'],
  [/^batch(\.db.*|-[0-9a-f]+\.lock.*)$/, 'work on folders'],
  [/^(settings|vocabulary)\.json/, 'settings and vocabulary', 'settings'],
  [
    /^(s|c|capture\.lock.*|daemon\.lock(\.pid(\.new)?)?|lock\.\d+|\.lock-[0-9a-f-]{36})$/,
    'sockets and locks',
  ],
  // With the drafts of a process that was killed.
  [/^(token|http\.json)(\.[0-9a-f]{8}\.new)?$/, 'the token of the port'],
  [/^(app|agent)$/, 'the program'],
  // What lies there belongs to requests that are over.
  [/^(cache|uploads)$/, 'caches'],
];

/** In the order in which they are to go: whatever runs this command last. */
const ORDER = [
  'sockets and locks',
  'the token of the port',
  'logs',
  'caches',
  'work on folders',
  'models',
  'past dictations',
  'settings and vocabulary',
  'the command',
  'the program',
];

export interface Found {
  readonly pieces: readonly Piece[];
  /** Things in Sotto's folders that are not Sotto's. */
  readonly strangers: readonly string[];
  /** Folders that are to go if nothing is left in them, the inner ones first. */
  readonly folders: readonly string[];
}

export function findPieces(paths: Paths, env: Env = process.env, user: string = homedir()): Found {
  const { home, runtime, logs } = paths;
  const byName = new Map<string, { paths: string[]; keep?: Keepable }>();
  const add = (what: string, path: string, keep?: Keepable): void => {
    const piece = byName.get(what) ?? { paths: [], ...(keep !== undefined && { keep }) };
    piece.paths.push(path);
    byName.set(what, piece);
  };
  const strangers: string[] = [];
  for (const folder of new Set([home, runtime])) {
    for (const name of namesIn(folder)) {
      const path = join(folder, name);
      const known = NAMES.find(([pattern]) => pattern.test(name));
      if (known !== undefined) add(known[1], path, known[2]);
      else if (path !== logs) strangers.push(path);
    }
  }
  // Folders that hold nothing but what the daemon writes there.
  if (existsSync(logs)) add('logs', logs);
  const cache = cacheFolder(env, user);
  if (cache !== join(home, 'cache') && existsSync(cache)) add('caches', cache);
  const command = ownCommand(home);
  if (command !== undefined) {
    add('the command', command);
    // Of an installation that was interrupted.
    if (existsSync(`${command}.new`)) add('the command', `${command}.new`);
  }
  const pieces = [...byName].map(([what, { paths: all, keep }]) => ({
    what,
    paths: all,
    bytes: all.reduce((sum, path) => sum + bytesOf(path), 0),
    ...(keep !== undefined && { keep }),
  }));
  pieces.sort((a, b) => ORDER.indexOf(a.what) - ORDER.indexOf(b.what));
  return { pieces, strangers, folders: [...new Set([runtime, ...around(logs, user), home])] };
}

/** As in daemon/bin/sotto.mjs. */
function cacheFolder({ SOTTO_HOME, XDG_CACHE_HOME }: Env, user: string): string {
  if (SOTTO_HOME !== undefined && SOTTO_HOME !== '') return join(SOTTO_HOME, 'cache');
  if (platform() === 'darwin') return join(user, 'Library', 'Caches', 'Sotto');
  return join(absolute(XDG_CACHE_HOME) ?? join(user, '.cache'), 'sotto');
}

/** What the installing script has written: it leaves word of where. */
function ownCommand(home: string): string | undefined {
  try {
    const path = readFileSync(join(home, 'app', 'command'), 'utf8').trim();
    return readFileSync(path, 'utf8').includes('# Written by Sotto') ? path : undefined;
  } catch {
    return undefined;
  }
}

/** On Linux the logs lie in a folder of state, which Sotto has made with them. */
function around(logs: string, user: string): string[] {
  const state = join(logs, '..');
  return state.endsWith('/sotto') && state !== user ? [join(state, 'run'), state] : [];
}

function namesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder).sort() : [];
}

function bytesOf(path: string): number {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return 0;
  if (!stats.isDirectory()) return stats.size;
  return readdirSync(path).reduce((sum, name) => sum + bytesOf(join(path, name)), 0);
}
