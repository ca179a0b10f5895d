/**
 * Vocos, a vocoder that predicts spectra (Siuzdak, arXiv 2306.00814): ConvNeXt blocks over frames, then an inverse Fourier
 * transform. Fields carry the names of the checkpoint's tensors.
 */
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { Istft } from '../layers/istft.js';
import type { Layer } from '../layers/residual-unit.js';
import { CODEBOOK_ROWS, type VocosConfig } from './vocos-config.js';

const KERNEL = 7;
const EPS = 1e-6;
const MAX_MAGNITUDE = 100;

class Table extends nn.Module {
  weight: MxArray; // [rows, dims]

  constructor(rows: number, dims: number) {
    super();
    this.weight = nn.parameter([rows, dims]);
  }

  /** [dims] */
  row(id: number): MxArray {
    return mx.take(this.weight, id, 0);
  }
}

/** A norm whose factor and offset depend on the bandwidth. */
class AdaLayerNorm extends nn.Module {
  scale: Table;
  shift: Table;

  constructor(rows: number, dims: number) {
    super();
    this.scale = new Table(rows, dims);
    this.shift = new Table(rows, dims);
  }

  forward(x: MxArray, id: number): MxArray {
    return mx.fast.layerNorm(x, this.scale.row(id), this.shift.row(id), EPS);
  }
}

type Norm = nn.LayerNorm | AdaLayerNorm;

const normOf = (dims: number, conditions: number | null | undefined): Norm =>
  conditions === null || conditions === undefined
    ? new nn.LayerNorm(dims, { eps: EPS })
    : new AdaLayerNorm(conditions, dims);

const normalized = (norm: Norm, x: MxArray, id: number): MxArray =>
  norm instanceof AdaLayerNorm ? norm.forward(x, id) : norm.forward(x);

export class ConvNeXtBlock extends nn.Module {
  dwconv: Layer;
  norm: Norm;
  pwconv1: nn.AnyLinear;
  pwconv2: nn.AnyLinear;
  gamma: MxArray; // [dims]

  constructor(dims: number, inner: number, conditions: number | null | undefined) {
    super();
    this.dwconv = new nn.Conv1d(dims, dims, KERNEL, { padding: 3, groups: dims });
    this.norm = normOf(dims, conditions);
    this.pwconv1 = new nn.Linear(dims, inner);
    this.pwconv2 = new nn.Linear(inner, dims);
    this.gamma = nn.parameter([dims], 'float32', 1);
  }

  /** [B, T, dims] → [B, T, dims] */
  forward(x: MxArray, id: number): MxArray {
    const inner = this.expanded(x, id);
    return mx.add(x, mx.multiply(this.gamma, this.pwconv2.forward(inner)));
  }

  /** [B, T, dims] → [B, T, inner] */
  protected expanded(x: MxArray, id: number): MxArray {
    const { norm } = this;
    const mixed = this.dwconv.forward(x);
    if (norm instanceof nn.LayerNorm) return this.pwconv1.fused(mixed, { norm, gelu: true });
    return this.pwconv1.fused(norm.forward(mixed, id), { gelu: true });
  }
}

class Backbone extends nn.Module {
  embed: nn.AnyConv1d;
  norm: Norm;
  convnext: ConvNeXtBlock[];
  final_layer_norm: nn.LayerNorm;

  constructor({ input_channels: inputs, dim, intermediate_dim: inner, ...config }: VocosConfig['backbone']) {
    super();
    const conditions = config.adanorm_num_embeddings;
    this.embed = new nn.Conv1d(inputs, dim, KERNEL, { padding: 3 });
    this.norm = normOf(dim, conditions);
    this.convnext = Array.from(
      { length: config.num_layers },
      () => new ConvNeXtBlock(dim, inner, conditions),
    );
    this.final_layer_norm = new nn.LayerNorm(dim, { eps: EPS });
  }
}

class Head extends nn.Module {
  out: nn.AnyLinear;
  istft: Istft;

  constructor({ dim, n_fft: size, hop_length: hop, padding }: VocosConfig['head']) {
    super();
    this.out = new nn.Linear(dim, size + 2);
    this.istft = new Istft(size, hop, padding);
  }

  /** [B, T, dims] → samples [B, L, 1] */
  forward(x: MxArray): MxArray {
    const [magnitudes, phases] = mx.split(mx.astype(this.out.forward(x), 'float32'), 2, -1) as [
      MxArray,
      MxArray,
    ];
    const sizes = mx.minimum(mx.exp(magnitudes), MAX_MAGNITUDE);
    const real = mx.multiply(sizes, mx.cos(phases));
    const imaginary = mx.multiply(sizes, mx.sin(phases));
    // [..., 2] as complex numbers
    const spectra = mx.view(mx.stack([real, imaginary], -1), 'complex64');
    return this.istft.forward(mx.squeeze(spectra, -1));
  }
}

class Codebooks extends nn.Module {
  codebook_weights: MxArray; // [codebooks · 1024, dims]

  constructor(count: number, dims: number) {
    super();
    this.codebook_weights = nn.parameter([count * CODEBOOK_ROWS, dims]);
  }
}

export class Vocos extends nn.Module {
  feature_extractor: Codebooks | null;
  backbone: Backbone;
  head: Head;
  readonly config: VocosConfig;

  constructor(config: VocosConfig) {
    super();
    const { features, backbone } = config;
    this.config = config;
    this.feature_extractor =
      features.kind === 'codes'
        ? new Codebooks(Math.max(...features.codebooks), backbone.input_channels)
        : null;
    this.backbone = new Backbone(backbone);
    this.head = new Head(config.head);
  }

  get dtype(): 'float32' {
    return 'float32';
  }

  /** Codes uint32 [B, K, T] below 1024 → features [B, T, channels]. K must be the codebooks of a bandwidth. */
  featuresOf(codes: MxArray): MxArray {
    if (this.feature_extractor === null) throw new RangeError('this Vocos reads mel spectrograms');
    const [, count = 0] = codes.shape;
    const offsets = mx.reshape(mx.multiply(mx.arange(count, { dtype: 'uint32' }), CODEBOOK_ROWS), [
      1,
      count,
      1,
    ]);
    const rows = mx.take(this.feature_extractor.codebook_weights, mx.add(codes, offsets), 0); // [B, K, T, channels]
    return mx.sum(rows, 1);
  }

  /**
   * Steps from features [B, T, channels] to samples [B, L, 1]; L = T · hop with `same` padding, (T - 1) · hop with `center`.
   *
   * @param bandwidth index of the bandwidth, for a network that reads codes
   */
  steps(bandwidth = 0): ((x: MxArray) => MxArray)[] {
    const { embed, norm, convnext, final_layer_norm: finalNorm } = this.backbone;
    return [
      (x) => normalized(norm, embed.forward(x), bandwidth),
      ...convnext.map((block) => (x: MxArray) => block.forward(x, bandwidth)),
      (x) => this.head.forward(finalNorm.forward(x)),
    ];
  }
}
