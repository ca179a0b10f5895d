/**
 * Neural-network layers on `mx`, for inference: `import * as nn from 'sotto/nn'`.
 *
 * @example
 * class Mlp extends nn.Module {
 *   fc1: nn.AnyLinear = new nn.Linear(384, 1536);
 *   fc2: nn.AnyLinear = new nn.Linear(1536, 384);
 *   forward(x: MxArray): MxArray {
 *     return this.fc2.forward(nn.gelu(this.fc1.forward(x)));
 *   }
 * }
 * const mlp = new Mlp().loadWeights('mlp.safetensors'); // fc1.weight, fc1.bias, fc2.weight, fc2.bias
 * mx.eval(...mlp.parameters());
 */
export {
  elu,
  gelu,
  geluApprox,
  glu,
  leakyRelu,
  logSoftmax,
  relu,
  sigmoid,
  silu,
  softmax,
  tanh,
} from './activation.js';
export {
  attend,
  causalMask,
  mergeHeads,
  MultiHeadAttention,
  selfAttend,
  splitHeads,
  type AttentionMask,
} from './attention.js';
export { fuse, retyped, type Fusion } from './fuse.js';
export type { FusedOps } from './fused-product.js';
export { Conv1d, Conv2d, ConvTranspose1d, type ConvOptions } from './conv.js';
export { DecoderStep, type DecoderLayers } from './decoder-step.js';
export { Embedding } from './embedding.js';
export { join } from './join.js';
export { JointCache } from './joint-cache.js';
export { KVCache } from './kv-cache.js';
export { Linear } from './linear.js';
export { Module, parameter, type Weights } from './module.js';
export { crossAttend, crossAttentionCache, type CrossAttentionCache } from './cross-attention.js';
export { crossAttentionScores } from './cross-attention-scores.js';
export { GroupNorm, LayerNorm, RMSNorm, type NormOptions } from './norm.js';
export {
  canPack,
  pack,
  PackedConv1d,
  PackedEmbedding,
  packIncrementally,
  PackedLinear,
  type AnyConv1d,
} from './packed.js';
export { PanelCache } from './panel-cache.js';
export { DeviceRows, reorderSpeculatively, type PendingReorder } from './speculative-reorder.js';
export { selfAttentionCache, type SelfAttentionCache } from './self-attention-cache.js';
export { sinusoids } from './positional.js';
export {
  dequantize,
  quantize,
  QuantizedEmbedding,
  QuantizedLinear,
  storedQuantized,
  type AnyEmbedding,
  type AnyLinear,
  type QuantizePredicate,
} from './quantized.js';
export { RoPE, type RoPEOptions } from './rope.js';
export { rotateHeads, rotateQkv, type RotaryPositions } from './rotary-positions.js';
export { sample, argmax, topK, type SampledTokens } from './sampling.js';
export { flatten, unflatten } from './parameter-tree.js';
export { WeightsError, type MisshapedWeight } from './weights-error.js';
