import type { ModelFamily } from '../../speech-model.js';
import { convertCodec, inspectCodec } from '../convert-codec.js';
import { openCheckpoint, readConfig } from './encodec-checkpoint.js';
import { encodecFile, encodecShape, isEncodecConfig } from './encodec-config.js';
import { encodecFootprint } from './encodec-footprint.js';
import { buildEncodec, loadEncodecModel } from './encodec-model.js';

export const encodecFamily: ModelFamily = {
  name: 'encodec',
  recognizes: isEncodecConfig,
  load: loadEncodecModel,
  capabilities: async (dir) => ({ codec: encodecShape(await readConfig(dir)) }),
  footprint: encodecFootprint,
  inspect: async (dir, options) =>
    inspectCodec('encodec', await openCheckpoint(dir, await readConfig(dir)), buildEncodec, options),
  convert: async (dir, out, wanted, options) => {
    const config = await readConfig(dir);
    await convertCodec(
      await openCheckpoint(dir, config),
      buildEncodec,
      encodecFile(config),
      out,
      wanted,
      options,
    );
  },
};
