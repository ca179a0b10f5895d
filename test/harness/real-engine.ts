/** What tests with nothing faked stand on: the addon, the starter model, real speech. What is missing here is said. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from '@jest/globals';
import { bundledModels, bundledSpeech, packageRoot } from '#daemon/paths.js';
import { findModel } from '#daemon/store/find-model.js';

/** 11 s of speech, and what is said in it. */
export const jfk = join(bundledSpeech, 'jfk.flac');
export const JFK_SAID =
  'And so, my fellow Americans: ask not what your country can do for you, ask what you can do for your country.';

/** `describe` where a real engine can run; otherwise the suite is skipped, and why is printed. */
export function describeWithEngine(suite: string): typeof describe | typeof describe.skip {
  const missing = whatIsMissing();
  if (missing === undefined) return describe;
  console.warn(`${suite}: skipped, ${missing}`);
  return describe.skip;
}

function whatIsMissing(): string | undefined {
  const addon = join(packageRoot, 'native', 'lib', `${process.platform}-${process.arch}`, 'sotto-mlx.node');
  if (!existsSync(addon)) return `the addon is not built (${addon})`;
  try {
    findModel({ models: bundledModels, bundled: bundledModels }, undefined);
  } catch {
    return `the starter model is not in ${bundledModels}`;
  }
  return existsSync(jfk) ? undefined : `${jfk} is missing`;
}
