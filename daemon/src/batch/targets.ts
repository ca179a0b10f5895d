/**
 * Chooses the target of each file: next to it (`talk.mp3` → `talk.srt`), or under the output folder with the same
 * structure. Several folder arguments each get a folder of their name. Two files never share a target;
 * `output-files.ts` resolves clashes.
 */
import { basename, dirname, join, resolve } from 'node:path';
import { outputNames } from '../writers/placement/output-files.js';
import type { FoundFile } from './find-files.js';

interface TargetRule {
  /** Without the dot. */
  readonly extension: string;
  /** Output folder; next to each file if absent. */
  readonly output?: string;
}

type Placeable = Pick<FoundFile, 'path' | 'root' | 'relative'>;

/**
 * Absolute paths in the order of the files. All files of a folder must be passed together, because names depend on each
 * other.
 */
export function targetsOf(files: readonly Placeable[], { extension, output }: TargetRule): string[] {
  const roots = new Set(files.map(({ root }) => root).filter((root) => root !== undefined));
  const folderOf = ({ path, root, relative }: Placeable): string => {
    if (output === undefined) return dirname(path);
    if (root === undefined) return resolve(output);
    return resolve(output, roots.size > 1 ? basename(root) : '', dirname(relative));
  };
  const byFolder = new Map<string, { readonly at: number; readonly path: string }[]>();
  files.forEach((file, at) => {
    // On Macs, folders that differ only in case are the same folder.
    const folder = folderOf(file);
    const key = folder.toLowerCase().normalize('NFC');
    const list = byFolder.get(key) ?? [];
    list.push({ at, path: join(folder, basename(file.path)) });
    byFolder.set(key, list);
  });
  const targets = new Array<string>(files.length);
  for (const list of byFolder.values()) {
    const names = outputNames(
      list.map(({ path }) => path),
      extension,
    );
    list.forEach(({ at, path }, index) => (targets[at] = join(dirname(path), names[index] ?? '')));
  }
  return targets;
}
