import type { ModelFamily } from '../speech-model.js';
import { convert, inspect } from './convert-parakeet.js';
import { ParakeetModel } from './index.js';
import { parakeetCapabilities } from './parakeet-capabilities.js';
import { readConfig } from './parakeet-checkpoint.js';
import { isParakeetConfig } from './parakeet-config.js';
import { parakeetFootprint } from './parakeet-footprint.js';

export const parakeetFamily: ModelFamily = {
  name: 'parakeet',
  recognizes: isParakeetConfig,
  load: (dir, options) => ParakeetModel.load(dir, options),
  capabilities: async (dir) => parakeetCapabilities(await readConfig(dir)),
  footprint: parakeetFootprint,
  inspect,
  convert,
};
