/** Where `sotto transcribe` writes, by `--output`, `--output-dir` and its inputs. */
import { existsSync as exists, statSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { SottoError } from '../../protocol/errors.js';
import { findFormat, type FormatName } from '../../writers/index.js';

export type Destination =
  | { readonly to: 'stdout' }
  /** One file per input in this folder. */
  | { readonly to: 'folder'; readonly path: string }
  /** The text of a single input. */
  | { readonly to: 'file'; readonly path: string };

export interface DestinationFlags {
  readonly output?: string;
  readonly outputDir?: string;
}

/**
 * `--output` names a file for a single input if it has an extension or exists as a file. It names a folder if it is
 * one, ends with a slash, or there are several inputs.
 * @param inputs files, folders, URLs or `-`
 * @throws SottoError INVALID_ARGUMENT
 */
export function destinationOf(
  inputs: readonly string[],
  { output, outputDir }: DestinationFlags,
): Destination {
  if (output !== undefined && outputDir !== undefined) {
    throw new SottoError('INVALID_ARGUMENT', '--output and --output-dir can’t be used together', {
      hint: 'omit one of them',
    });
  }
  if (outputDir !== undefined) return folder('--output-dir', outputDir);
  if (output === undefined || output === '-' || output === '/dev/stdout') return { to: 'stdout' };
  const isOne = inputs.length === 1 && !isFolder(inputs[0] ?? '');
  if (isOne && !output.endsWith('/') && !isFolder(output)) {
    if (exists(output) || extname(basename(output)) !== '') return { to: 'file', path: output };
  }
  return folder('--output', output);
}

/** The format of a file name's extension, if any. */
export function formatOfName(path: string): FormatName | undefined {
  return findFormat(extname(path).slice(1));
}

function folder(flag: string, path: string): Destination {
  if (!exists(path) || isFolder(path)) return { to: 'folder', path };
  throw new SottoError('INVALID_ARGUMENT', `${flag} ${path} is a file, not a folder`, {
    hint: 'use a folder for several texts',
  });
}

/** False if the path can't be read; reading it reports the error. */
export function isFolder(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  } catch {
    return false;
  }
}
