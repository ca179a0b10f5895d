import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { loadRecognizer } from '#daemon/models/registry.js';
import { modelsFolder } from '#test/harness/hub-model.js';
import { startLocalHub, type LocalHub } from '#test/harness/local-hub.js';
import { checkpointDir, CHECKPOINTS } from '#test/models/checkpoint/checkpoint-dirs.js';

let hub: LocalHub;
const folder = modelsFolder();
beforeAll(async () => void (hub = await startLocalHub()));
afterAll(async () => {
  await hub.close();
  folder.remove();
});

test.each(CHECKPOINTS)('a pulled model in the layout %s loads without conversion', async (name) => {
  const made = checkpointDir(name);
  const files = Object.fromEntries(readdirSync(made).map((file) => [file, readFileSync(join(made, file))]));
  hub.commit(`someone/${name}`, { ...files, 'pytorch_model.bin': Buffer.alloc(5000, 1) });
  const { dir } = await folder.pull(hub, `someone/${name}`);
  expect(readdirSync(dir)).not.toContain('pytorch_model.bin');
  const model = await loadRecognizer(dir);
  expect(model.family).toBe('whisper');
  model.dispose();
});
