import type { LoadOptions, ModelFamily } from '../../speech-model.js';
import { CodecModel } from '../codec-model.js';
import { convertCodec, inspectCodec } from '../convert-codec.js';
import { loadSnac } from './load-snac.js';
import { openSnacCheckpoint, readSnacConfig } from './snac-checkpoint.js';
import { isSnacConfig, snacFile, snacShape, type SnacConfig } from './snac-config.js';
import { snacFootprint } from './snac-footprint.js';
import { Snac } from './snac-network.js';
import { SnacRunner } from './snac-runner.js';

export const snacFamily: ModelFamily = {
  name: 'snac',
  recognizes: isSnacConfig,
  load: async (dir: string, options: LoadOptions) => {
    const network = await loadSnac(dir, options);
    return new CodecModel(dir, 'snac', snacShape(network.config), network, new SnacRunner(network));
  },
  capabilities: async (dir) => ({ codec: snacShape(await readSnacConfig(dir)) }),
  footprint: snacFootprint,
  inspect: async (dir, options) =>
    inspectCodec('snac', await openSnacCheckpoint(dir, await readSnacConfig(dir)), build, options),
  convert: async (dir, out, wanted, options) => {
    const config = await readSnacConfig(dir);
    await convertCodec(await openSnacCheckpoint(dir, config), build, snacFile(config), out, wanted, options);
  },
};

const build = (config: SnacConfig): Snac => new Snac(config);
