import type { ModelFamily } from '../../speech-model.js';
import { convertCodec, inspectCodec } from '../convert-codec.js';
import { openCheckpoint, readConfig } from './lyra-checkpoint.js';
import { isLyraConfig, lyraFile, lyraShape } from './lyra-config.js';
import { lyraFootprint } from './lyra-footprint.js';
import { buildLyra, loadLyraModel } from './lyra-model.js';

export const lyraFamily: ModelFamily = {
  name: 'lyra',
  recognizes: isLyraConfig,
  load: loadLyraModel,
  capabilities: async (dir) => ({ codec: lyraShape(await readConfig(dir)) }),
  footprint: lyraFootprint,
  inspect: async (dir, options) =>
    inspectCodec('lyra', await openCheckpoint(dir, await readConfig(dir)), buildLyra, options),
  convert: async (dir, out, wanted, options) => {
    const config = await readConfig(dir);
    await convertCodec(await openCheckpoint(dir, config), buildLyra, lyraFile(config), out, wanted, options);
  },
};
