/** How paths are shown: relative to the working folder if they lie below it. URLs stay as they are. */
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
    // Not percent-encoded.
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

/** The name alone if the text lies next to its file. */
export function displayTarget(path: string, target: string): string {
  return dirname(path) === dirname(target) ? basename(target) : displayPath(target);
}
