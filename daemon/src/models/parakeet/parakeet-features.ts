/** Turns samples into features of the encoder. */
import type { FrontEnd } from '#daemon/audio/mel/front-end.js';
import { normalizedFrames } from '#daemon/audio/mel/normalized-frames.js';
import { mx, type MxArray } from '#native/index.js';

import { encodeMel } from '../conformer/encode-mel.js';
import type { Parakeet } from './parakeet-network.js';

export interface EncoderDeps {
  readonly model: Parakeet;
  readonly mel: FrontEnd;
}

/** The normalized mel frames of at least two hops of samples, [⌊samples / 160⌋, bands], which the caller frees. */
export async function melOf({ mel, model }: EncoderDeps, samples: Float32Array): Promise<MxArray> {
  const frames = normalizedFrames(mel, samples, model.config.normalization);
  const cast = mx.tidy(() => mx.astype(frames, model.dtype));
  await mx.ready(cast);
  frames.dispose();
  return cast;
}

/** The features of samples, [⌈frames / 8⌉, D], which the caller frees. @throws SottoError CANCELLED, ENGINE_CRASHED */
export async function encodeSamples(
  deps: EncoderDeps,
  samples: Float32Array,
  signal: AbortSignal,
): Promise<MxArray> {
  return encodeMel(deps.model.encoder, await melOf(deps, samples), signal);
}
