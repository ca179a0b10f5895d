/**
 * Limits a worker to the folders of `--root`, whatever jobs ask for and wherever links lead. `--root
 * /mnt/share=/Volumes/share` is for a disk with another mount point on this machine.
 */
import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, normalize, relative, resolve, sep } from 'node:path';
import { codeOf, SottoError } from '../protocol/errors.js';
import { AUDIO_FILE, fileError, isMissing, OUTPUT_FILE, TEXT_INPUT } from '../protocol/file-errors.js';

interface Root {
  /** The path in jobs. */
  readonly queuePath: string;
  readonly localPath: string;
  /** The resolved path. */
  readonly real: string;
}

export class Roots {
  readonly #roots: readonly Root[];

  private constructor(roots: readonly Root[]) {
    this.#roots = roots;
  }

  /** @throws SottoError INVALID_ARGUMENT if one is not a folder */
  static async open(specs: readonly string[]): Promise<Roots> {
    const roots = await Promise.all(specs.map(openRoot));
    // The innermost root that contains a path applies.
    return new Roots(roots.sort((a, b) => b.queuePath.length - a.queuePath.length));
  }

  get none(): boolean {
    return this.#roots.length === 0;
  }

  /** Local paths of the folders. */
  get folders(): readonly string[] {
    return this.#roots.map(({ localPath }) => localPath);
  }

  /**
   * The resolved local path of a job's file.
   * @throws SottoError AUDIO_REFUSED, AUDIO_NOT_FOUND, AUDIO_UNREADABLE; SHARE_GONE if the root itself is missing
   */
  async source(path: string): Promise<string> {
    const { root, local } = this.#find(path);
    let real: string;
    try {
      real = await realpath(local);
    } catch (error) {
      await this.#checkThere(root);
      throw fileError(local, error, AUDIO_FILE);
    }
    if (!isWithin(root.real, real)) throw outside(path, 'a link leads out of this worker’s folders');
    return real;
  }

  /**
   * The local path for a text. Missing folders are allowed; existing ones must lie inside the root.
   * @throws SottoError AUDIO_REFUSED, OUTPUT_FAILED; SHARE_GONE
   */
  async target(path: string, extension: string): Promise<string> {
    const { root, local } = this.#find(path);
    const below = relative(root.localPath, local).split(sep);
    // Jobs may only create visible transcript files, so no settings or programs.
    if (!local.endsWith(`.${extension}`) || below.some((part) => part.startsWith('.')))
      throw outside(path, `the output must be named *.${extension} and not be hidden`);
    let inner = dirname(local);
    for (;;) {
      try {
        const real = await realpath(inner);
        if (!isWithin(root.real, real)) throw outside(path, 'a link leads out of this worker’s folders');
        return join(real, relative(inner, dirname(local)), basename(local));
      } catch (error) {
        if (codeOf(error) !== 'ENOENT') throw fileError(local, error, OUTPUT_FILE);
        await this.#checkThere(root);
        inner = dirname(inner);
      }
    }
  }

  /** Accepts the path in jobs and the resolved path, which a shell in the folder reports. */
  #find(path: string): { root: Root; local: string } {
    for (const name of ['queuePath', 'real'] as const) {
      const root = this.#roots.find((one) => isWithin(one[name], path));
      if (root !== undefined) return { root, local: join(root.localPath, relative(root[name], path)) };
    }
    throw outside(path, 'it is not in one of this worker’s folders');
  }

  /** A missing disk is reported instead of missing files. */
  async #checkThere(root: Root): Promise<void> {
    try {
      if ((await stat(root.real)).isDirectory()) return;
    } catch {
      // Reported below.
    }
    throw new SottoError('SHARE_GONE', `${root.localPath} no longer exists`);
  }
}

async function openRoot(spec: string): Promise<Root> {
  const [queuePath, localPath] = (await isFolder(spec)) ? [resolve(spec), resolve(spec)] : pairOf(spec);
  try {
    if ((await stat(localPath)).isDirectory())
      return { queuePath, localPath, real: await realpath(localPath) };
  } catch (error) {
    if (!isMissing(error)) throw fileError(localPath, error, TEXT_INPUT);
  }
  throw new SottoError('INVALID_ARGUMENT', `${localPath.slice(0, MAX_SHOWN)} is not a folder`, {
    hint: 'use --root FOLDER, or --root THEIR_PATH=THIS_PATH if paths differ between machines',
  });
}

const MAX_SHOWN = 1024;

function pairOf(spec: string): readonly [string, string] {
  const [, queuePath = '', localPath = ''] = /^(\/[^=]*)=(.+)$/.exec(spec) ?? [];
  if (!isAbsolute(queuePath)) return [resolve(spec), resolve(spec)];
  return [normalize(queuePath).replace(/(.)\/$/, '$1'), resolve(localPath)];
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}

function isWithin(folder: string, path: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : `${folder}${sep}`);
}

function outside(path: string, why: string): SottoError {
  return new SottoError('AUDIO_REFUSED', `${path} was refused: ${why}`);
}
