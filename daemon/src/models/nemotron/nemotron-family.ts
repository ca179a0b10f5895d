import type { ModelFamily } from '../speech-model.js';
import { convert, inspect } from './convert-nemotron.js';
import { NemotronModel } from './index.js';
import { readConfig } from './load-nemotron.js';
import { nemotronCapabilities } from './nemotron-capabilities.js';
import { isNemotronConfig } from './nemotron-config.js';
import { nemotronFootprint } from './nemotron-footprint.js';

export const nemotronFamily: ModelFamily = {
  name: 'nemotron',
  recognizes: isNemotronConfig,
  load: (dir, options) => NemotronModel.load(dir, options),
  capabilities: async (dir) => nemotronCapabilities(await readConfig(dir)),
  footprint: nemotronFootprint,
  inspect,
  convert,
};
