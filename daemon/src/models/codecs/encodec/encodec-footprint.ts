/** Predicts the device memory of an Encodec model. */
import { currentBackend, type Backend } from '../../memory/backend.js';
import type { Footprint } from '../../speech-model.js';
import { loadedBytes } from '../codec-footprint.js';
import { seanetHop } from '../layers/seanet.js';
import { openCheckpoint, readConfig } from './encodec-checkpoint.js';
import type { EncodecConfig } from './encodec-config.js';
import { buildEncodec, CHUNK_FRAMES } from './encodec-model.js';
import { segmentSize } from './segment-plan.js';

const FLOAT32 = 4;

/** @throws SottoError MODEL_NOT_FOUND, MODEL_CORRUPT or MODEL_UNSUPPORTED, as loading would */
export async function encodecFootprint(dir: string): Promise<Footprint> {
  const config = await readConfig(dir);
  (await openCheckpoint(dir, config)).close();
  return {
    weightBytes: loadedBytes(buildEncodec(config)),
    workBytes: workBytes(config, currentBackend()),
  };
}

/** Multiples of the widest activation, which is at the full sample rate; measured, on a GPU assumed. */
const MULTIPLES: Readonly<Record<Backend, { readonly stream: number; readonly segment: number }>> = {
  kernels: { stream: 9.5, segment: 12.5 },
  cpu: { stream: 18.5, segment: 20.5 },
  gpu: { stream: 18.5, segment: 20.5 },
};

/** Peak of a chunk or a segment. */
function workBytes(config: EncodecConfig, backend: Backend): number {
  const segment = segmentSize(config)?.length;
  const samples = segment ?? CHUNK_FRAMES * seanetHop(config);
  const multiple = MULTIPLES[backend][segment === undefined ? 'stream' : 'segment'];
  return Math.ceil(multiple * samples * config.num_filters * FLOAT32);
}
