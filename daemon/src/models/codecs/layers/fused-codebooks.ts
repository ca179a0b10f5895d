/** Codebooks whose rows are prepared at loading. */
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { rowBias, type EuclideanCodebook } from './rvq.js';

/** With the norms of its rows, which cost more than the products of a few frames. */
export class NormedCodebook extends nn.Module {
  embed: MxArray; // [rows, dims]
  bias: MxArray; // [rows]

  /** Takes over the rows of `codebook`. */
  constructor({ embed }: EuclideanCodebook) {
    super();
    this.embed = embed;
    this.bias = mx.keep(mx.tidy(() => rowBias(embed)));
  }

  /** As `EuclideanCodebook.encode`. */
  encode(x: MxArray): MxArray {
    return mx.argmax(mx.addmm(this.bias, x, mx.transpose(this.embed)), -1);
  }

  /** As `EuclideanCodebook.decode`. */
  decode(codes: MxArray): MxArray {
    return mx.take(this.embed, codes, 0);
  }
}

/** The same in the layout of the CPU kernels. */
export class PanelCodebook extends nn.Module {
  panels: MxArray; // [⌈rows / 16⌉, dims, 16]
  bias: MxArray; // [rows]
  readonly rows: number;

  /** Takes over the rows of `codebook`. */
  constructor({ embed, rows }: EuclideanCodebook) {
    super();
    this.rows = rows;
    [this.panels, this.bias] = mx.tidy(() => [mx.keep(mx.cpu.panels(embed)), mx.keep(rowBias(embed))]);
    embed.dispose();
  }

  encode(x: MxArray): MxArray {
    return mx.argmax(mx.cpu.linear(x, this.panels, this.rows, { bias: this.bias }), -1);
  }

  decode(codes: MxArray): MxArray {
    return mx.cpu.rows(this.panels, this.rows, codes);
  }
}
