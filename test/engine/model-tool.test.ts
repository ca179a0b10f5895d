/** Work on a model's files in a process of its own, cancelled while it hashes them. */
import { cpSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { runModelTool } from '#daemon/supervisor/model-tool-process.js';
import { starterModel } from '#test/models/model-fixtures.js';

const folder = mkdtempSync(join(tmpdir(), 'so-tool-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A sparse file: its hash takes longer than any test may. */
const ENDLESS_BYTES = 1024 * 1024 ** 3;

test('exits at once if cancelled while it hashes a large file', async () => {
  const dir = join(folder, 'model');
  cpSync(starterModel(), dir, { recursive: true });
  writeFileSync(join(dir, 'zz-notes.bin'), '');
  truncateSync(join(dir, 'zz-notes.bin'), ENDLESS_BYTES);
  const cancelling = new AbortController();
  const work = runModelTool(
    { type: 'inspect', dir },
    {
      signal: cancelling.signal,
      // The whole checkpoint has been read then: only the hashes follow.
      onProgress: (stage, fraction) => {
        if (stage === 'checking' && fraction === 1) setTimeout(() => cancelling.abort(), 500);
      },
    },
  );
  await expect(work).rejects.toMatchObject({ code: 'CANCELLED' });
});
