/** Residual vector quantisation in a space of few dimensions, by the angle between vectors (Kumar et al., arXiv 2306.06546). */
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

/** As PyTorch's `normalize`. */
const MIN_LENGTH = 1e-12;

class Codebook extends nn.Module {
  weight: MxArray; // [rows, dims]

  constructor(rows: number, dims: number) {
    super();
    this.weight = nn.parameter([rows, dims]);
  }

  /** Indexes of the rows nearest in direction, the first on a tie: [B, T, dims] → uint32 [B, T] */
  encode(x: MxArray): MxArray {
    const [vectors, rows] = [normalized(x), normalized(this.weight)];
    const products = mx.matmul(vectors, mx.transpose(rows));
    const lengths = mx.sum(mx.square(vectors), -1, true);
    const distances = mx.add(mx.subtract(lengths, mx.multiply(products, 2)), mx.sum(mx.square(rows), -1));
    return mx.argmin(distances, -1);
  }

  /** [B, T] → [B, T, dims]. Codes must be below `rows`, because MLX reads at any index. */
  decode(codes: MxArray): MxArray {
    return mx.take(this.weight, codes, 0);
  }
}

export class FactorisedQuantizer extends nn.Module {
  in_proj: nn.AnyConv1d;
  out_proj: nn.AnyConv1d;
  codebook: Codebook;
  /** Frames of the latents for one code. */
  readonly stride: number;

  constructor(latentDims: number, rows: number, rowDims: number, stride = 1) {
    super();
    this.in_proj = new nn.Conv1d(latentDims, rowDims, 1);
    this.out_proj = new nn.Conv1d(rowDims, latentDims, 1);
    this.codebook = new Codebook(rows, rowDims);
    this.stride = stride;
  }

  /** [B, T, latent] → uint32 [B, T / stride] */
  encode(x: MxArray): MxArray {
    const { stride } = this;
    const [batch = 0, frames = 0, dims = 0] = x.shape;
    const pooled = stride === 1 ? x : mx.mean(mx.reshape(x, [batch, frames / stride, stride, dims]), 2);
    return this.codebook.encode(this.in_proj.forward(pooled));
  }

  /** [B, T / stride] → [B, T, latent] */
  decode(codes: MxArray): MxArray {
    const rows = this.out_proj.forward(this.codebook.decode(codes));
    return this.stride === 1 ? rows : mx.repeat(rows, this.stride, 1);
  }
}

export class FactorisedRvq extends nn.Module {
  quantizers: FactorisedQuantizer[];

  /** @param strides of the codebooks, one for each */
  constructor(latentDims: number, rows: number, rowDims: number, strides: readonly number[]) {
    super();
    this.quantizers = strides.map((stride) => new FactorisedQuantizer(latentDims, rows, rowDims, stride));
  }

  /** With the first `count` codebooks: [B, T, latent] → for each uint32 [B, T / stride] */
  encode(x: MxArray, count = this.quantizers.length): MxArray[] {
    let residual = x;
    return this.quantizers.slice(0, count).map((quantizer) => {
      const codes = quantizer.encode(residual);
      residual = mx.subtract(residual, quantizer.decode(codes));
      return codes;
    });
  }

  /** For each of the first codebooks [B, T / stride] → the sum [B, T, latent] */
  decode(codes: readonly MxArray[]): MxArray {
    const parts = codes.map((own, i) => {
      const quantizer = this.quantizers[i];
      if (quantizer === undefined) throw new RangeError(`there are only ${this.quantizers.length} codebooks`);
      return quantizer.decode(own);
    });
    return parts.reduce((sum, part) => mx.add(sum, part));
  }
}

function normalized(x: MxArray): MxArray {
  const length = mx.sqrt(mx.sum(mx.square(x), -1, true));
  return mx.divide(x, mx.maximum(length, MIN_LENGTH));
}
