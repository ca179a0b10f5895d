/** The models that a daemon loads at its start. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { planFor } from '#daemon/daemon-core.js';
import { findModelWithFallback, type ModelDirs } from '#daemon/store/find-model.js';

let root: string;
let dirs: ModelDirs;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'sotto-plan-'));
  dirs = { models: join(root, 'models'), bundled: join(root, 'bundled') };
  for (const dir of [join(dirs.models, 'large'), join(dirs.bundled, 'starter')]) {
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, 'config.json'), '{}');
  }
});
afterAll(() => {
  rmSync(root, { recursive: true });
});

test('the included model serves until the chosen one is loaded', () => {
  const { plan } = planFor(dirs, () => findModelWithFallback(dirs, 'large'));
  expect(plan?.model.name).toBe('large');
  expect(plan?.standIn?.name).toBe('starter');
});

test('the included model is loaded alone if the chosen one is missing', () => {
  const { plan, problem } = planFor(dirs, () => findModelWithFallback(dirs, 'gone'));
  expect(plan?.model.name).toBe('starter');
  expect(problem?.code).toBe('MODEL_NOT_FOUND');
});
