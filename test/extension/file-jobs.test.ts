import { expect, test } from '@jest/globals';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FileJob } from '#daemon/client/index.js';
import { describeModule } from './describe-module.js';

interface FileJobs {
  readonly newPaths: (paths: readonly string[], files: readonly FileJob[]) => string[];
}

await describeModule<FileJobs>('files/file-jobs', ({ newPaths }) => {
  test('adds a listed file again only if it changed, failed or was cancelled', () => {
    const folder = mkdtempSync(join(tmpdir(), 'file-jobs-'));
    try {
      const path = join(folder, 'talk.wav');
      writeFileSync(path, '');
      const { mtimeMs } = statSync(path);
      const job = (state: FileJob['state'], addedMs: number): FileJob[] => [
        { id: '1', path, addedMs, state, doneSeconds: 0 },
      ];
      for (const state of ['queued', 'running', 'final'] as const) {
        expect(newPaths([path], job(state, mtimeMs + 1))).toEqual([]);
        expect(newPaths([path], job(state, mtimeMs - 1))).toEqual([path]);
      }
      for (const state of ['failed', 'cancelled'] as const) {
        expect(newPaths([path], job(state, mtimeMs + 1))).toEqual([path]);
      }
      expect(newPaths([path], [])).toEqual([path]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
