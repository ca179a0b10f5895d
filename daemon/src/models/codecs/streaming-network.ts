import type { MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import type { ChunkPass } from './layers/chunk-pass.js';
import { runAll, type NetworkStep } from './run-chunk.js';

/** A network whose encoder and decoder are lists of steps; it computes whole signals here, and streams by its steps. */
export abstract class StreamingNetwork extends nn.Module {
  abstract encodeSteps(codebooks?: number, pass?: ChunkPass): NetworkStep[];
  abstract decodeSteps(pass?: ChunkPass): NetworkStep[];

  get dtype(): 'float32' {
    return 'float32';
  }

  /** Samples [B, L, channels] → codes uint32 [B, codebooks, ⌈L / hop⌉] */
  encode(x: MxArray, codebooks?: number): MxArray {
    return runAll(x, this.encodeSteps(codebooks));
  }

  /** Codes [B, K, T] → samples [B, T · hop, channels]. Codes must be in range. */
  decode(codes: MxArray): MxArray {
    return runAll(codes, this.decodeSteps());
  }
}
