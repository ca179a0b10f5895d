/**
 * Where the text of each file goes. Beside it (`talk.mp3` → `talk.srt`), or below `--output`, where the folders that were
 * named are built again: the tree of the only one directly, of several each under its own name. Two files never share a
 * target; the rule for names is that of `output-files.ts`.
 */
import { basename, dirname, join, resolve } from 'node:path';
import { outputNames } from '../output/output-files.js';
import type { FoundFile } from './find-files.js';

interface TargetRule {
  /** Without the dot. */
  readonly extension: string;
  /** The folder of `--output`; beside each file when left out. */
  readonly output?: string;
}

/** What is needed of a file. */
type Placeable = Pick<FoundFile, 'path' | 'root' | 'relative'>;

/** Absolute paths in the order of the files. They depend on the files together: all of a folder have to be there. */
export function targetsOf(files: readonly Placeable[], { extension, output }: TargetRule): string[] {
  const roots = new Set(files.map(({ root }) => root).filter((root) => root !== undefined));
  const folderOf = ({ path, root, relative }: Placeable): string => {
    if (output === undefined) return dirname(path);
    if (root === undefined) return resolve(output);
    return resolve(output, roots.size > 1 ? basename(root) : '', dirname(relative));
  };
  const byFolder = new Map<string, { readonly at: number; readonly path: string }[]>();
  files.forEach((file, at) => {
    // Folders that differ in case alone are one on the disks of Macs.
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
