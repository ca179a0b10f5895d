/** Residual vector quantization: each codebook quantizes what the ones before it left over (arXiv 2107.03312). */
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import type { NormedCodebook, PanelCodebook } from './fused-codebooks.js';

/** Rows by Euclidean distance. */
export class EuclideanCodebook extends nn.Module {
  embed: MxArray; // [rows, dims]

  constructor(rows: number, dims: number) {
    super();
    this.embed = nn.parameter([rows, dims]);
  }

  get rows(): number {
    return this.embed.shape[0] ?? 0;
  }

  /** The nearest rows, the first of equals: [B, T, dims] → uint32 [B, T] */
  encode(x: MxArray): MxArray {
    // ‖x‖² is the same for all rows.
    return mx.argmax(mx.addmm(rowBias(this.embed), x, mx.transpose(this.embed)), -1);
  }

  /** [B, T] → [B, T, dims]. Codes must be below `rows`, because MLX reads at any index. */
  decode(codes: MxArray): MxArray {
    return mx.take(this.embed, codes, 0);
  }
}

/** -‖row‖² / 2 of rows [rows, dims]: added to the products with x, it makes the nearest row the largest. */
export const rowBias = (rows: MxArray): MxArray => mx.multiply(mx.sum(mx.square(rows), 1), -0.5);

class QuantizerLayer extends nn.Module {
  codebook: EuclideanCodebook | NormedCodebook | PanelCodebook;

  constructor(rows: number, dims: number) {
    super();
    this.codebook = new EuclideanCodebook(rows, dims);
  }
}

export class ResidualQuantizer extends nn.Module {
  layers: QuantizerLayer[];

  constructor(count: number, rows: number, dims: number) {
    super();
    this.layers = Array.from({ length: count }, () => new QuantizerLayer(rows, dims));
  }

  /** With the first `count` codebooks: [B, T, dims] → uint32 [B, count, T] */
  encode(x: MxArray, count = this.layers.length): MxArray {
    const codes: MxArray[] = [];
    let residual = x;
    for (const { codebook } of this.layers.slice(0, count)) {
      const own = codebook.encode(residual);
      codes.push(own);
      residual = mx.subtract(residual, codebook.decode(own));
    }
    return mx.stack(codes, 1);
  }

  /** [B, K, T] → the sums of the rows [B, T, dims], K ≤ the number of codebooks */
  decode(codes: MxArray): MxArray {
    let sum: MxArray | undefined;
    for (const [i, own] of mx.unstack(codes, { axis: 1 }).entries()) {
      const rows = this.layers[i]?.codebook.decode(own);
      if (rows === undefined) throw new RangeError(`there are only ${this.layers.length} codebooks`);
      sum = sum ? mx.add(sum, rows) : rows;
    }
    if (sum === undefined) throw new RangeError('there are no codes');
    return sum;
  }
}
