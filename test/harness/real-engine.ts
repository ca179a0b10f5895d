/** What tests with nothing faked stand on: the addon, the starter model, real speech. What is missing here is said. */
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { describe } from '@jest/globals';
import { bundledModels, bundledSpeech, packageRoot } from '#daemon/paths.js';
import { findModel } from '#daemon/store/find-model.js';
import { describeUnless, type Missing } from './skipping.js';

/** 11 s of speech, and what is said in it. */
export const jfk = join(bundledSpeech, 'jfk.flac');
export const JFK_TEXT =
  'And so, my fellow Americans: ask not what your country can do for you, ask what you can do for your country.';

/** `describe` where a real engine can run; otherwise the suite is skipped, with the reason. */
export const describeWithEngine = (): typeof describe => describeUnless(whyNoEngine());

/** Why no real engine can run here; undefined where it can. */
export function whyNoEngine(): Missing {
  const addon = join(packageRoot, 'native', 'lib', `${process.platform}-${process.arch}`, 'sotto-mlx.node');
  if (!existsSync(addon)) return `no addon: ${basename(addon)} is not built`;
  try {
    findModel({ models: bundledModels, bundled: bundledModels }, undefined);
  } catch {
    return 'no starter model';
  }
  return existsSync(jfk) ? undefined : 'no sample speech: jfk.flac';
}
