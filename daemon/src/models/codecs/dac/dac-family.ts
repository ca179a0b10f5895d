import type { LoadOptions, ModelFamily } from '../../speech-model.js';
import { CodecModel } from '../codec-model.js';
import { convertCodec, inspectCodec } from '../convert-codec.js';
import { loadDac } from './load-dac.js';
import { openDacCheckpoint, readDacConfig } from './dac-checkpoint.js';
import { isDacConfig, dacFile, dacShape, type DacConfig } from './dac-config.js';
import { dacFootprint } from './dac-footprint.js';
import { Dac } from './dac-network.js';
import { DacRunner } from './dac-runner.js';

export const dacFamily: ModelFamily = {
  name: 'dac',
  recognizes: isDacConfig,
  load: async (dir: string, options: LoadOptions) => {
    const network = await loadDac(dir, options);
    return new CodecModel(dir, 'dac', dacShape(network.config), network, new DacRunner(network));
  },
  capabilities: async (dir) => ({ codec: dacShape(await readDacConfig(dir)) }),
  footprint: dacFootprint,
  inspect: async (dir, options) =>
    inspectCodec('dac', await openDacCheckpoint(dir, await readDacConfig(dir)), build, options),
  convert: async (dir, out, wanted, options) => {
    const config = await readDacConfig(dir);
    await convertCodec(await openDacCheckpoint(dir, config), build, dacFile(config), out, wanted, options);
  },
};

const build = (config: DacConfig): Dac => new Dac(config);
