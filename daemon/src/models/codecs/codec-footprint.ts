/** Predicts the device memory of a codec from its config: its arrays are float32, however they are stored. */
import * as nn from '#native/nn/index.js';

import { fusedCodecLayers } from './layers/fused-layers.js';

/**
 * Bytes of a network as it is after loading. Nothing is evaluated, so no memory is held.
 *
 * @param network with placeholders for its weights; freed
 */
export function loadedBytes(network: nn.Module, fusion: nn.Fusion = fusedCodecLayers): number {
  try {
    nn.fuse(network, fusion);
    if (nn.canPack()) nn.packIncrementally(network);
    return network.parameters().reduce((sum, { nbytes }) => sum + nbytes, 0);
  } finally {
    network.dispose();
  }
}
