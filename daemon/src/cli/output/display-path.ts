/** How a file is called to the user: from where the command was called, unless it lies elsewhere; an address as it is. */
import { basename, dirname, isAbsolute, relative } from 'node:path';

export function isUrl(arg: string): boolean {
  return /^https?:\/\//i.test(arg);
}

/** `https://host/talks/a%20b.mp3?signature` → `a b.mp3`. */
export function fileNameFromUrl(url: string): string {
  const last =
    new URL(url).pathname
      .split('/')
      .filter((part) => part !== '')
      .at(-1) ?? '';
  let name = last;
  try {
    name = decodeURIComponent(last);
  } catch {
    // As it is written, then.
  }
  name = name
    .replace(/[\p{Cc}/\\:]+/gu, '_')
    .replace(/^\.+/, '')
    .slice(0, 120);
  return name === '' ? new URL(url).hostname : name;
}

export function displayPath(path: string, from = process.cwd()): string {
  if (isUrl(path)) return path;
  const relativePath = relative(from, path);
  return relativePath === '' || relativePath.startsWith('..') || isAbsolute(relativePath)
    ? path
    : relativePath;
}

/** Where its text went: a name alone lies beside the file. */
export function displayTarget(path: string, target: string): string {
  return dirname(path) === dirname(target) ? basename(target) : displayPath(target);
}
