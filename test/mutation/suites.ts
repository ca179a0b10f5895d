/** Finds the test suites of a source file: those of its room that import it, nearest first. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import ts from 'typescript';
import { packageRoot } from '#daemon/paths.js';

export const ROOMS = ['sessions', 'store', 'engine', 'supervisor'] as const;
export type Room = (typeof ROOMS)[number];

/** Number of suites outside the room to use for a file without a suite in its room. */
const MAX_FOREIGN_SUITES = 3;

export const roomFolder = (room: Room): string => `daemon/src/${room}`;

/** The TypeScript files below a folder, relative to the repository. */
export function sourcesIn(folder: string): string[] {
  return readdirSync(join(packageRoot, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => posix.join(folder, name))
    .sort();
}

/** The reversed import graph. */
export class Importers {
  readonly #importers = new Map<string, Set<string>>();

  constructor() {
    for (const file of [...sourcesIn('daemon/src'), ...sourcesIn('test')]) {
      for (const target of targetsOf(file, readFileSync(join(packageRoot, file), 'utf8')))
        this.#importers.set(target, (this.#importers.get(target) ?? new Set()).add(file));
    }
  }

  /** Suites that reach `file` (relative to the repository), with the fewest imports first. */
  suitesOf(file: string, room: Room): string[] {
    const all = this.#suitesByDistance(file);
    const own = all.filter((suite) => suite.startsWith(`test/${room}/`));
    return own.length > 0 ? own : all.slice(0, MAX_FOREIGN_SUITES);
  }

  #suitesByDistance(file: string): string[] {
    const seen = new Set([file]);
    for (const at of seen) for (const importer of this.#importers.get(at) ?? []) seen.add(importer);
    return [...seen].filter((name) => name.endsWith('.test.ts'));
  }
}

/** Files that a file imports, or starts as a process by `new URL`. */
function targetsOf(file: string, text: string): string[] {
  const imported = ts.preProcessFile(text).importedFiles.map(({ fileName }) => fileName);
  const started = [...text.matchAll(/new URL\('(\.[^']+\.js)', import\.meta\.url\)/g)].map(
    ([, path = '']) => path,
  );
  return [...imported, ...started].flatMap((specifier) => resolveImport(file, specifier) ?? []);
}

function resolveImport(from: string, specifier: string): string | undefined {
  const path = specifier.startsWith('#daemon/')
    ? `daemon/src/${specifier.slice('#daemon/'.length)}`
    : specifier.startsWith('#test/')
      ? specifier.slice(1)
      : specifier.startsWith('.')
        ? posix.join(posix.dirname(from), specifier)
        : undefined;
  const file = path?.replace(/\.js$/, '.ts');
  return file !== undefined && existsSync(join(packageRoot, file)) ? file : undefined;
}
