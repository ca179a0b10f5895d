/** Codes of one chunk by a network of an encoder and a factorised quantizer. */
import { mx, type MxArray } from '#native/index.js';

import { runSteps } from '../../network-steps.js';
import type { FactorisedRvq } from './factorised-rvq.js';

interface EncodingNetwork {
  readonly quantizer: FactorisedRvq;
  encoderSteps(): readonly ((x: MxArray) => MxArray)[];
}

/**
 * @param samples [1, L, 1]; freed
 * @returns for each codebook uint32 [1, T], evaluated; the caller owns them
 * @throws SottoError CANCELLED within two layers
 */
export async function encodeChunk(
  network: EncodingNetwork,
  samples: MxArray,
  codebooks: number,
  signal: AbortSignal,
): Promise<MxArray[]> {
  const latents = await runSteps(samples, network.encoderSteps(), signal);
  try {
    const codes = mx.tidy(() => network.quantizer.encode(latents, codebooks));
    await mx.ready(...codes);
    return codes;
  } finally {
    latents.dispose();
  }
}
