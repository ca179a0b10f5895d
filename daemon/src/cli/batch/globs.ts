/**
 * `--include` and `--exclude`: globs on the way from the folder that was named to the file, with `/` between its parts. One
 * without a slash is for names alone, wherever they lie: `*.mp3`, `drafts`.
 */
import { platform } from 'node:os';
import picomatch from 'picomatch';

export interface GlobFlags {
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
}

export interface Globs {
  /** Whether a file is wanted. */
  includes(relative: string): boolean;
  /** Whether nothing below a folder is wanted: then it is not even looked into. */
  excludes(relative: string): boolean;
}

/** `nocase`: the disks of Macs do not tell upper from lower case, so neither do patterns there. */
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
    // As people write them: `./talks/**` and `drafts/` mean what they say.
    const plain = pattern.replace(/^\.\//, '').replace(/\/+$/, '');
    // Accents come in one part or in two, by who made the file.
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
