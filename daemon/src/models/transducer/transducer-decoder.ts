/** Greedy decoding of one sequence: by the CPU kernel if it knows the layers, otherwise on the host, as with hotwords. */
import { mx, type MxArray } from '#native/index.js';

import { GreedyDecoder, type GreedyOptions, type GreedyState } from './greedy.js';
import type { Emission, WalkState } from './greedy-walk.js';
import { TransducerKernel } from './transducer-kernel.js';
import type { Transducer } from './transducer.js';

/** Decodes frames that arrive in parts. */
export interface TransducerDecoder {
  /** Where decoding stands. Both kinds of decoder continue from it. */
  readonly state: GreedyState;

  /**
   * Decodes the next frames.
   *
   * @param features of the encoder, [T, encoder dims]; not freed
   * @returns emissions, whose frames count from the first part
   * @throws SottoError CANCELLED; the decoder must then be disposed
   */
  decode(features: MxArray, signal: AbortSignal): Promise<readonly Emission[]>;

  dispose(): void;
}

/** @param from where to continue; otherwise at the start */
export function openDecoder(
  transducer: Transducer,
  options: Pick<GreedyOptions, 'bias' | 'hotwords'> = {},
  from?: GreedyState,
): TransducerDecoder {
  const { bias, hotwords } = options;
  const kernel = hotwords === undefined ? TransducerKernel.of(transducer, bias) : undefined;
  if (kernel === undefined) return new GreedyDecoder(transducer, options, from);
  return new KernelDecoder(transducer, kernel, from);
}

class KernelDecoder implements TransducerDecoder {
  readonly #transducer: Transducer;
  readonly #kernel: TransducerKernel;
  #walk: WalkState;
  #frames: number;
  #recurrent: MxArray; // [1, 2 L, U]

  constructor(transducer: Transducer, kernel: TransducerKernel, from?: GreedyState) {
    this.#transducer = transducer;
    this.#kernel = kernel;
    this.#walk = { ...(from?.walk ?? { frame: 0, symbols: 0 }) };
    this.#frames = from?.frames ?? 0;
    this.#recurrent = from ? transducer.stackRecurrent(from.recurrent) : kernel.start(1);
  }

  get state(): GreedyState {
    const { predictionDims: dims, predictionLayers: layers } = this.#transducer.config;
    const values = this.#recurrent.toTypedArray('float32');
    const recurrent = Array.from({ length: 2 * layers }, (_, i) => values.slice(i * dims, (i + 1) * dims));
    return { frames: this.#frames, walk: { ...this.#walk }, recurrent };
  }

  async decode(features: MxArray, signal: AbortSignal): Promise<readonly Emission[]> {
    const offset = this.#frames;
    const frames = features.shape[0] ?? 0;
    const { frame, symbols } = this.#walk;
    const walk = { frame: frame - offset, symbols };
    const projected = mx.tidy(() => mx.expandDims(this.#transducer.joint.enc.forward(features), 0));
    try {
      const { emissions, walks, state } = await this.#kernel.decode(
        projected,
        [{ walk, frames }],
        this.#recurrent,
        signal,
      );
      this.#recurrent.dispose();
      this.#recurrent = state;
      const after = walks[0] ?? walk;
      this.#walk = { ...after, frame: after.frame + offset };
      this.#frames = offset + frames;
      return (emissions[0] ?? []).map((emission) => ({ ...emission, frame: emission.frame + offset }));
    } finally {
      projected.dispose();
    }
  }

  dispose(): void {
    this.#recurrent.dispose();
  }
}

/** Decodes a whole sequence. @param features of the encoder, [T, encoder dims]; not freed @throws SottoError CANCELLED */
export async function decodeSequence(
  transducer: Transducer,
  features: MxArray,
  options: Pick<GreedyOptions, 'bias' | 'hotwords'>,
  signal: AbortSignal,
): Promise<readonly Emission[]> {
  const decoder = openDecoder(transducer, options);
  try {
    return await decoder.decode(features, signal);
  } finally {
    decoder.dispose();
  }
}
