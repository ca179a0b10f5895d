/** The network in fewer ops on the CPU. */
import type * as nn from '#native/nn/index.js';

import { fusedConformer } from '../conformer/fused-conformer.js';
import { packedLstm } from '../transducer/packed-lstm.js';

/** For `nn.fuse`. */
export const fusedParakeet: nn.Fusion = (module) => fusedConformer(module) ?? packedLstm(module);
