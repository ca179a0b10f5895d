/** What Sotto has put on this machine, piece by piece: what has a name of its own and proves to be Sotto's by its content. */
import { lstatSync, readdirSync } from 'node:fs';
import { homedir, platform } from 'node:os';
import { basename, join } from 'node:path';
import { absolute, type Paths } from '../paths.js';
import { isDamagedFile } from '../store/sqlite/damaged.js';
import {
  database,
  emptyFile,
  fileThat,
  folderWith,
  jsonWith,
  link,
  models,
  named,
  namesIn,
  processNumber,
  recordings,
  socket,
  spool,
  startOf,
  textOf,
  token,
  tree,
  uploads,
  type Finder,
  type Own,
} from './uninstall-evidence.js';
import { defined } from '../protocol/defined.js';

/** What the user may want to keep. */
export const KEEPABLE = ['models', 'history', 'settings'] as const;
export type Keepable = (typeof KEEPABLE)[number];

export interface Piece {
  readonly what: string;
  /** What is shown of it. */
  readonly paths: readonly string[];
  readonly own: readonly Own[];
  readonly bytes: number;
  readonly keep?: Keepable;
}

type Env = Readonly<Record<string, string | undefined>>;

type Rule = readonly [pattern: RegExp, what: string, finder: Finder, keep?: Keepable];

/** Of the home and the folder of the sockets: names, and what proves that it is Sotto's. The first that fits counts. */
function rulesFor({ history }: Paths): readonly Rule[] {
  return [
    [/^models$/, 'models', models, 'models'],
    // Before the database, which tells which of them are ours.
    [/^recordings$/, 'past dictations', recordings(history), 'history'],
    // Audio that waits in the spool is of dictations, too: of those whose text was not delivered.
    [/^spool$/, 'past dictations', spool, 'history'],
    [/^history\.db$/, 'past dictations', database, 'history'],
    [/^history\.db-(wal|shm|journal)$/, 'past dictations', named, 'history'],
    [
      /^history\.db\.damaged-/,
      'past dictations',
      fileThat((path) => isDamagedFile('history.db', basename(path))),
      'history',
    ],
    [/^batch\.db$/, 'work on folders', database],
    [
      /^batch\.db\.damaged-/,
      'work on folders',
      fileThat((path) => isDamagedFile('batch.db', basename(path))),
    ],
    [/^batch(\.db(-wal|-shm|-journal)|-[0-9a-f]+\.lock(-journal)?)$/, 'work on folders', named],
    [/^settings\.json$/, 'settings and vocabulary', jsonWith(isSettings), 'settings'],
    [/^vocabulary\.json$/, 'settings and vocabulary', jsonWith(isVocabulary), 'settings'],
    [/^(settings|vocabulary)\.json\.([0-9a-f]{8}\.new|lock)$/, 'settings and vocabulary', named, 'settings'],
    [/^machine\.json$/, 'caches', jsonWith((json) => 'gflops' in json)],
    [/^machine\.json\.[0-9a-f]{8}\.new$/, 'caches', named],
    [/^(s|\.s|c)$/, 'sockets and locks', socket],
    [/^(capture|daemon)\.lock(-journal)?$/, 'sockets and locks', emptyFile],
    [/^(lock\.\d+|\.lock-[0-9a-f-]{36}|daemon\.lock\.pid(\.new)?)$/, 'sockets and locks', processNumber],
    [/^token$/, 'the token of the port', token],
    [/^http\.json$/, 'the token of the port', jsonWith((json) => 'port' in json && 'token' in json)],
    // Drafts of a process that was killed.
    [/^(token|http\.json)\.[0-9a-f]{8}\.new$/, 'the token of the port', named],
    [/^app$/, 'the program', program],
    [/^agent$/, 'the program', folderWith([[/^Sotto(\.new)?$/, fileThat(startsShell)]])],
    [/^cache$/, 'caches', cache],
    // What lies there belongs to requests that are over.
    [/^uploads$/, 'caches', uploads],
  ];
}

const logFiles = folderWith([[/^(sotto|startup|agent)\.log(\.\d)?$/, named]]);
/** What Node compiled, by its version. */
const cache = folderWith([[/^node$/, folderWith([[/^v\d+\.\d+\.\d+-/, tree]])]]);
/** As launchd/install/install.sh lays it out. */
const program = folderWith([
  [/^versions$/, folderWith([[/^\d+\.\d+\.\d+.*-[0-9a-f]{8}(\.part|\.old)?$/, tree]])],
  [/^current(\.new)?$/, link],
  [/^(command|trouble)$/, named],
  [/^download$/, folderWith([[/^sotto-.+\.tgz(\.part)?$/, named]])],
  [/^installing$/, folderWith([[/^pid$/, processNumber]])],
]);

function isSettings(json: Readonly<Record<string, unknown>>): boolean {
  return Object.keys(json).every((name) => ['model', 'history', 'memory', 'http', 'gpu'].includes(name));
}

function isVocabulary(json: Readonly<Record<string, unknown>>): boolean {
  return Object.keys(json).every((name) => ['version', 'words', 'replacements'].includes(name));
}

function startsShell(path: string): boolean {
  return startOf(path).startsWith('#!/bin/sh');
}

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
  const byName = new Map<string, { paths: string[]; own: Own[]; keep?: Keepable }>();
  const add = (what: string, path: string, finder: Finder, keep?: Keepable): boolean => {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    const own = stats === undefined ? undefined : finder(path, stats);
    if (own === undefined) return false;
    const piece = byName.get(what) ?? { paths: [], own: [], ...defined({ keep }) };
    piece.paths.push(path);
    piece.own.push(own);
    byName.set(what, piece);
    return true;
  };
  const strangers: string[] = [];
  const rules = rulesFor(paths);
  for (const folder of new Set([home, runtime])) {
    for (const [path, rule] of inOrder(rules, folder)) {
      const isOurs = rule !== undefined && add(rule[1], path, rule[2], rule[3]);
      if (!isOurs && path !== logs) strangers.push(path);
    }
  }
  add('logs', logs, logFiles);
  const cacheHere = cacheFolder(env, user);
  if (cacheHere !== join(home, 'cache')) add('caches', cacheHere, cache);
  const command = ownCommand(home);
  if (command !== undefined) {
    add('the command', command, named);
    // Of an installation that was interrupted.
    add('the command', `${command}.new`, named);
  }
  const pieces = [...byName].map(([what, { paths: all, own, keep }]) => ({
    what,
    paths: all,
    own,
    bytes: own
      .flatMap(({ files, trees }) => [...files, ...trees])
      .reduce((sum, path) => sum + bytesOf(path), 0),
    ...defined({ keep }),
  }));
  pieces.sort((a, b) => ORDER.indexOf(a.what) - ORDER.indexOf(b.what));
  return { pieces, strangers, folders: [...new Set([runtime, ...around(logs, user), home])] };
}

/** What lies in a folder, in the order of the rules. */
function inOrder(rules: readonly Rule[], folder: string): (readonly [string, Rule | undefined])[] {
  const found = namesIn(folder).map((name) => {
    const at = rules.findIndex(([pattern]) => pattern.test(name));
    return { path: join(folder, name), at: at < 0 ? rules.length : at };
  });
  return found.sort((a, b) => a.at - b.at).map(({ path, at }) => [path, rules[at]] as const);
}

/** As in daemon/bin/sotto.mjs. */
function cacheFolder({ SOTTO_HOME, XDG_CACHE_HOME }: Env, user: string): string {
  if (SOTTO_HOME !== undefined && SOTTO_HOME !== '') return join(SOTTO_HOME, 'cache');
  if (platform() === 'darwin') return join(user, 'Library', 'Caches', 'Sotto');
  return join(absolute(XDG_CACHE_HOME) ?? join(user, '.cache'), 'sotto');
}

/** What the installing script has written: it leaves word of where. */
function ownCommand(home: string): string | undefined {
  const path = textOf(join(home, 'app', 'command')).trim();
  return textOf(path).includes('# Written by Sotto') ? path : undefined;
}

/** On Linux the logs lie in a folder of state, which Sotto has made with them. */
function around(logs: string, user: string): string[] {
  const state = join(logs, '..');
  return state.endsWith('/sotto') && state !== user ? [join(state, 'run'), state] : [];
}

function bytesOf(path: string): number {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return 0;
  if (!stats.isDirectory()) return stats.size;
  return readdirSync(path).reduce((sum, name) => sum + bytesOf(join(path, name)), 0);
}
