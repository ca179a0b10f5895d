import type { LoadOptions, ModelFamily } from '../../speech-model.js';
import { CodecModel } from '../codec-model.js';
import { convertCodec, inspectCodec } from '../convert-codec.js';
import { loadS3 } from './load-s3.js';
import { openS3Checkpoint, readS3Config } from './s3-checkpoint.js';
import { isS3Config, s3File, s3Shape, type S3Config } from './s3-config.js';
import { s3CodesOfStream } from './s3-encode.js';
import { s3Footprint } from './s3-footprint.js';
import { S3Tokenizer } from './s3-network.js';

export const s3Family: ModelFamily = {
  name: 's3',
  recognizes: isS3Config,
  load: async (dir: string, options: LoadOptions) => {
    const network = await loadS3(dir, options);
    return new CodecModel(dir, 's3', s3Shape(network.config), network, {
      encode: (samples, _codebooks, signal) => s3CodesOfStream(network, samples, signal),
    });
  },
  capabilities: async (dir) => ({ codec: s3Shape(await readS3Config(dir)) }),
  footprint: s3Footprint,
  inspect: async (dir, options) =>
    inspectCodec('s3', await openS3Checkpoint(dir, await readS3Config(dir)), build, options),
  convert: async (dir, out, wanted, options) => {
    const config = await readS3Config(dir);
    await convertCodec(await openS3Checkpoint(dir, config), build, s3File(config), out, wanted, options);
  },
};

const build = (config: S3Config): S3Tokenizer => new S3Tokenizer(config);
