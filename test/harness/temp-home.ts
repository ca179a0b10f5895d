/** A temporary SOTTO_HOME with a model folder that the fake engine accepts. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resolvePaths, type Paths } from '#daemon/paths.js';
import { codeOf } from '#daemon/protocol/errors.js';

export interface TempHome {
  readonly paths: Paths;
  readonly folder: string;
  remove(): void;
}

export function tempHome(): TempHome {
  // Short, because the socket path must fit into 100 bytes.
  const folder = mkdtempSync(join(tmpdir(), 'so-'));
  const paths = resolvePaths({ SOTTO_HOME: folder });
  mkdirSync(join(paths.models, 'fake'), { recursive: true });
  writeFileSync(paths.settings, JSON.stringify({ model: 'fake' }));
  return { paths, folder, remove: () => removeFolder(folder) };
}

/** Retries, because an exiting process may still write. Node's own retries do not cover new files. */
function removeFolder(folder: string, tries = 50): void {
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch (error) {
    if (codeOf(error) !== 'ENOTEMPTY' || tries === 0) throw error;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
    removeFolder(folder, tries - 1);
  }
}
