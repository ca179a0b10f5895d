/**
 * `--include` and `--exclude`: globs on the path below the folder argument, with `/` as separator. A pattern without a
 * slash matches names at any depth: `*.mp3`, `drafts`.
 */
import { platform } from 'node:os';
import picomatch from 'picomatch';

export interface GlobFlags {
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
}

export interface Globs {
  includes(relative: string): boolean;
  /** Whether the folder is skipped as a whole. */
  excludes(relative: string): boolean;
}

/** @param nocase patterns ignore case on Macs, as their disks do */
export function globsOf({ include = [], exclude = [] }: GlobFlags, nocase = platform() === 'darwin'): Globs {
  const included = matcherOf(include, nocase);
  const excluded = matcherOf(exclude, nocase);
  return {
    includes: (relative) => (include.length === 0 || included(relative)) && !excluded(relative),
    excludes: (relative) => excluded(relative),
  };
}

function matcherOf(patterns: readonly string[], nocase: boolean): (relative: string) => boolean {
  const matchers = patterns.map((pattern) => {
    // Accepts `./talks/**` and `drafts/`.
    const plain = pattern.replace(/^\.\//, '').replace(/\/+$/, '');
    // File names have accents in composed or decomposed form.
    const matches = picomatch(plain.normalize('NFC'), { nocase, dot: true });
    const onName = !plain.includes('/');
    return (relative: string): boolean => matches(onName ? nameOf(relative) : relative);
  });
  return (relative) => {
    const normal = relative.normalize('NFC');
    return matchers.some((matches) => matches(normal));
  };
}

function nameOf(relative: string): string {
  return relative.slice(relative.lastIndexOf('/') + 1);
}
