/** The network in fewer ops on the CPU. */
import type * as nn from '#native/nn/index.js';

import { fusedCausal } from '../conformer/fused-causal.js';
import { packedLstm } from '../transducer/packed-lstm.js';

/** For `nn.fuse`. */
export const fusedNemotron: nn.Fusion = (module) => fusedCausal(module) ?? packedLstm(module);
