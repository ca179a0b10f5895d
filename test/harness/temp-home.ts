/** A SOTTO_HOME of its own for a test, with a model folder in it that the fake engine accepts. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resolvePaths, type Paths } from '#daemon/paths.js';

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
  // A process that a test has ended may write its last line while the folder goes: then once more.
  const remove = (): void =>
    rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  return { paths, folder, remove };
}
