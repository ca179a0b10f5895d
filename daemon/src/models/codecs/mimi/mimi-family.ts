import type { ModelFamily } from '../../speech-model.js';
import { convertCodec, inspectCodec } from '../convert-codec.js';
import { openCheckpoint, readConfig } from './mimi-checkpoint.js';
import { isMimiConfig, mimiFile, mimiShape } from './mimi-config.js';
import { mimiFootprint } from './mimi-footprint.js';
import { buildMimi, loadMimiModel } from './mimi-model.js';

export const mimiFamily: ModelFamily = {
  name: 'mimi',
  recognizes: isMimiConfig,
  load: loadMimiModel,
  capabilities: async (dir) => ({ codec: mimiShape(await readConfig(dir)) }),
  footprint: mimiFootprint,
  inspect: async (dir, options) =>
    inspectCodec('mimi', await openCheckpoint(dir, await readConfig(dir)), buildMimi, options),
  convert: async (dir, out, wanted, options) => {
    const config = await readConfig(dir);
    await convertCodec(await openCheckpoint(dir, config), buildMimi, mimiFile(config), out, wanted, options);
  },
};
