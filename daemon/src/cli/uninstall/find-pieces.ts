/** Finds everything Sotto wrote on this machine, by name and content. */
import { lstatSync, readdirSync } from 'node:fs';
import { homedir, platform } from 'node:os';
import { basename, join } from 'node:path';
import { absolute, type Paths } from '../../paths.js';
import { isDamagedFile } from '../../store/sqlite/damaged.js';
import {
  database,
  emptyFile,
  fileMatching,
  folderContaining,
  jsonMatching,
  link,
  models,
  withName,
  namesIn,
  pidFile,
  recordings,
  socket,
  spool,
  startOf,
  textOf,
  token,
  tree,
  uploads,
  type Finder,
  type OwnedFiles,
} from './owned-files.js';
import { defined } from '../../protocol/defined.js';

export const KEEPABLE = ['models', 'history', 'settings'] as const;
export type Keepable = (typeof KEEPABLE)[number];

export interface Piece {
  readonly what: string;
  /** Paths to display. */
  readonly paths: readonly string[];
  readonly owned: readonly OwnedFiles[];
  readonly bytes: number;
  readonly keep?: Keepable;
}

type Env = Readonly<Record<string, string | undefined>>;

type Rule = readonly [pattern: RegExp, what: string, finder: Finder, keep?: Keepable];

/** Names in Sotto's folders and what proves their origin. The first match counts. */
function rulesFor({ history }: Paths): readonly Rule[] {
  return [
    [/^models$/, 'models', models, 'models'],
    // Before the database, which names the recordings.
    [/^recordings$/, 'past dictations', recordings(history), 'history'],
    // Spooled audio belongs to dictations that were not delivered.
    [/^spool$/, 'past dictations', spool, 'history'],
    [/^history\.db$/, 'past dictations', database, 'history'],
    [/^history\.db-(wal|shm|journal)$/, 'past dictations', withName, 'history'],
    [
      /^history\.db\.damaged-/,
      'past dictations',
      fileMatching((path) => isDamagedFile('history.db', basename(path))),
      'history',
    ],
    [/^batch\.db$/, 'work on folders', database],
    [
      /^batch\.db\.damaged-/,
      'work on folders',
      fileMatching((path) => isDamagedFile('batch.db', basename(path))),
    ],
    [/^batch(\.db(-wal|-shm|-journal)|-[0-9a-f]+\.lock(-journal)?)$/, 'work on folders', withName],
    [/^settings\.json$/, 'settings and vocabulary', jsonMatching(isSettings), 'settings'],
    [/^vocabulary\.json$/, 'settings and vocabulary', jsonMatching(isVocabulary), 'settings'],
    [
      /^(settings|vocabulary)\.json\.([0-9a-f]{8}\.new|lock)$/,
      'settings and vocabulary',
      withName,
      'settings',
    ],
    [/^machine\.json$/, 'caches', jsonMatching((json) => 'gflops' in json)],
    [/^machine\.json\.[0-9a-f]{8}\.new$/, 'caches', withName],
    [/^(s|\.s|c)$/, 'sockets and locks', socket],
    [/^(capture|daemon)\.lock(-journal)?$/, 'sockets and locks', emptyFile],
    [/^(lock\.\d+|\.lock-[0-9a-f-]{36}|daemon\.lock\.pid(\.new)?)$/, 'sockets and locks', pidFile],
    [/^token$/, 'the token of the port', token],
    [/^http\.json$/, 'the token of the port', jsonMatching((json) => 'port' in json && 'token' in json)],
    // Drafts of a killed process.
    [/^(token|http\.json)\.[0-9a-f]{8}\.new$/, 'the token of the port', withName],
    [/^app$/, 'the program', program],
    [/^agent$/, 'the program', folderContaining([[/^Sotto(\.new)?$/, fileMatching(startsShell)]])],
    [/^cache$/, 'caches', cache],
    // Uploads of finished requests.
    [/^uploads$/, 'caches', uploads],
  ];
}

const logFiles = folderContaining([[/^(sotto|startup|agent)\.log(\.\d)?$/, withName]]);
/** Node's compile cache, by version. */
const cache = folderContaining([[/^node$/, folderContaining([[/^v\d+\.\d+\.\d+-/, tree]])]]);
/** As launchd/install/install.sh lays it out. */
const program = folderContaining([
  [/^versions$/, folderContaining([[/^\d+\.\d+\.\d+.*-[0-9a-f]{8}(\.part|\.old)?$/, tree]])],
  [/^current(\.new)?$/, link],
  [/^(command|errors|trouble)$/, withName],
  [/^download$/, folderContaining([[/^sotto-.+\.tgz(\.part)?$/, withName]])],
  [/^installing$/, folderContaining([[/^pid$/, pidFile]])],
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

/** In removal order: the program that runs this command last. */
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

export interface FoundPieces {
  readonly pieces: readonly Piece[];
  /** Files in Sotto's folders that Sotto did not write. */
  readonly foreignFiles: readonly string[];
  /** Folders to remove if empty, the inner ones first. */
  readonly folders: readonly string[];
}

export function findPieces(paths: Paths, env: Env = process.env, user: string = homedir()): FoundPieces {
  const { home, runtime, logs } = paths;
  const byName = new Map<string, { paths: string[]; owned: OwnedFiles[]; keep?: Keepable }>();
  const add = (what: string, path: string, finder: Finder, keep?: Keepable): boolean => {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    const owned = stats === undefined ? undefined : finder(path, stats);
    if (owned === undefined) return false;
    const piece = byName.get(what) ?? { paths: [], owned: [], ...defined({ keep }) };
    piece.paths.push(path);
    piece.owned.push(owned);
    byName.set(what, piece);
    return true;
  };
  const foreignFiles: string[] = [];
  const rules = rulesFor(paths);
  for (const folder of new Set([home, runtime])) {
    for (const [path, rule] of inOrder(rules, folder)) {
      const isOwned = rule !== undefined && add(rule[1], path, rule[2], rule[3]);
      if (!isOwned && path !== logs) foreignFiles.push(path);
    }
  }
  add('logs', logs, logFiles);
  const cacheDir = cacheFolder(env, user);
  if (cacheDir !== join(home, 'cache')) add('caches', cacheDir, cache);
  const command = ownCommand(home);
  if (command !== undefined) {
    add('the command', command, withName);
    // Left by an interrupted installation.
    add('the command', `${command}.new`, withName);
  }
  const pieces = [...byName].map(([what, { paths: all, owned, keep }]) => ({
    what,
    paths: all,
    owned,
    bytes: owned
      .flatMap(({ files, trees }) => [...files, ...trees])
      .reduce((sum, path) => sum + bytesOf(path), 0),
    ...defined({ keep }),
  }));
  pieces.sort((a, b) => ORDER.indexOf(a.what) - ORDER.indexOf(b.what));
  return { pieces, foreignFiles, folders: [...new Set([runtime, ...stateFolders(logs, user), home])] };
}

/** The contents of a folder in the order of the rules. */
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

/** The command that the installer wrote; it records the path. */
function ownCommand(home: string): string | undefined {
  const path = textOf(join(home, 'app', 'command')).trim();
  return textOf(path).includes('# Written by Sotto') ? path : undefined;
}

/** On Linux the logs lie in a state folder of Sotto. */
function stateFolders(logs: string, user: string): string[] {
  const state = join(logs, '..');
  return state.endsWith('/sotto') && state !== user ? [join(state, 'run'), state] : [];
}

function bytesOf(path: string): number {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return 0;
  if (!stats.isDirectory()) return stats.size;
  return readdirSync(path).reduce((sum, name) => sum + bytesOf(join(path, name)), 0);
}
