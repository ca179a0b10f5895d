import { mx } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { AntiAliased } from './anti-alias.js';
import { DilatedConv1d } from './dilated-conv.js';
import { KernelAntiAliased, KernelDepthwise, KernelSnake } from './kernel-layers.js';
import { KernelLstmLayer, LstmLayer } from './residual-lstm.js';
import { PolyphaseConv1d } from './polyphase-conv.js';
import { NormedCodebook, PanelCodebook } from './fused-codebooks.js';
import { EuclideanCodebook } from './rvq.js';
import { Snake, SnakeBeta } from './snake.js';
import { TransposedConv1d } from './upsample.js';

/** For `nn.fuse`: the layers of a codec in the form that is fastest on this device. */
export const fusedCodecLayers: nn.Fusion = (module) => {
  if (module instanceof LstmLayer && KernelLstmLayer.canReplace(module)) return new KernelLstmLayer(module);
  if (module instanceof EuclideanCodebook) {
    return nn.canPack() ? new PanelCodebook(module) : new NormedCodebook(module);
  }
  if (mx.defaultDevice() !== 'cpu') return undefined;
  if (module instanceof nn.Conv1d && DilatedConv1d.canReplace(module)) return new DilatedConv1d(module);
  if (module instanceof TransposedConv1d && PolyphaseConv1d.canReplace(module)) {
    return new PolyphaseConv1d(module);
  }
  if (!nn.canPack()) return undefined;
  if (module instanceof AntiAliased) return new KernelAntiAliased(module);
  if (module instanceof Snake || module instanceof SnakeBeta) return new KernelSnake(module);
  if (module instanceof nn.Conv1d && KernelDepthwise.canReplace(module)) return new KernelDepthwise(module);
  return undefined;
};
