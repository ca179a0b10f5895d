/** A SOTTO_HOME of its own for a test, with a model folder in it that the fake engine accepts. */
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
  // Short: the socket's path must fit into 100 bytes.
  const folder = mkdtempSync(join(tmpdir(), 'so-'));
  const paths = resolvePaths({ SOTTO_HOME: folder });
  mkdirSync(join(paths.models, 'fake'), { recursive: true });
  writeFileSync(paths.settings, JSON.stringify({ model: 'fake' }));
  return { paths, folder, remove: () => removeFolder(folder) };
}

/** A process that has been ended may write its last line while the folder goes: then once more. Node's own retries look at nothing that came late. */
function removeFolder(folder: string, tries = 50): void {
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch (error) {
    if (codeOf(error) !== 'ENOTEMPTY' || tries === 0) throw error;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
    removeFolder(folder, tries - 1);
  }
}
