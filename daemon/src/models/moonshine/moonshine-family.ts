import type { ModelFamily } from '../speech-model.js';
import { convert, inspect } from './convert-moonshine.js';
import { MoonshineModel } from './index.js';
import { MOONSHINE_CAPABILITIES } from './moonshine-capabilities.js';
import { readConfig } from './moonshine-checkpoint.js';
import { isMoonshineConfig } from './moonshine-config.js';
import { moonshineFootprint } from './moonshine-footprint.js';

export const moonshineFamily: ModelFamily = {
  name: 'moonshine',
  recognizes: isMoonshineConfig,
  load: (dir, options) => MoonshineModel.load(dir, options),
  capabilities: async (dir) => {
    await readConfig(dir);
    return MOONSHINE_CAPABILITIES;
  },
  footprint: moonshineFootprint,
  inspect,
  convert,
};
