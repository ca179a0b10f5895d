/** Loads a model directory into a network that is ready to run. */
import { startLoading, type NetworkPlan } from '../../checkpoint/start-loading.js';
import type { LoadOptions } from '../../speech-model.js';
import { openS3Checkpoint, readS3Config } from './s3-checkpoint.js';
import type { S3Config } from './s3-config.js';
import { fusedS3, S3Tokenizer } from './s3-network.js';

const plan: NetworkPlan<S3Config, S3Tokenizer> = {
  build: (config) => new S3Tokenizer(config),
  fusion: fusedS3,
};

/** @throws SottoError MODEL_CORRUPT or MODEL_UNSUPPORTED, naming the file and the faulty keys; CANCELLED */
export async function loadS3(dir: string, options: LoadOptions = {}): Promise<S3Tokenizer> {
  const checkpoint = await openS3Checkpoint(dir, await readS3Config(dir));
  return (await startLoading(checkpoint, plan, options)).model;
}
