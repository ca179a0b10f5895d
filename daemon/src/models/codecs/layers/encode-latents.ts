/** Codes of the latents of one chunk, by a factorised quantizer. */
import { mx, type MxArray } from '#native/index.js';

import type { FactorisedRvq } from './factorised-rvq.js';

/**
 * @param latents [1, T, C]; freed
 * @returns for each codebook uint32 [1, T / stride], evaluated; the caller owns them
 */
export async function encodeLatents(
  quantizer: FactorisedRvq,
  latents: MxArray,
  codebooks: number,
): Promise<MxArray[]> {
  try {
    const codes = mx.tidy(() => quantizer.encode(latents, codebooks));
    await mx.ready(...codes);
    return codes;
  } finally {
    latents.dispose();
  }
}
