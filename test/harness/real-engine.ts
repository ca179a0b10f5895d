/** What tests of the real engine need: addon, included model, sample speech. */
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { describe } from '@jest/globals';
import { bundledModels, bundledSpeech, packageRoot } from '#daemon/paths.js';
import { findModel } from '#daemon/store/find-model.js';
import { describeUnless, type Missing } from './skipping.js';

/** 11 s of speech. */
export const jfk = join(bundledSpeech, 'jfk.flac');
export const JFK_TEXT =
  'And so, my fellow Americans: ask not what your country can do for you, ask what you can do for your country.';

/** `describe` if a real engine can run; otherwise skips with the reason. */
export const describeWithEngine = (): typeof describe => describeUnless(whyNoEngine());

/** Why no real engine can run here, or undefined. */
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
