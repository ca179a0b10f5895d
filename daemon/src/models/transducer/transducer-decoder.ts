/** Greedy decoding of one sequence: by the CPU kernel if it knows the layers, otherwise on the host, as with hotwords. */
import { mx, type MxArray } from '#native/index.js';

import { GreedyDecoder, type GreedyOptions, type GreedyState } from './greedy.js';
import type { Emission, WalkState } from './greedy-walk.js';
import { MAX_LANES, TransducerKernel } from './transducer-kernel.js';
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

/**
 * Decodes whole sequences, by the kernel side by side: each has the emissions that it has alone.
 *
 * @param features of each, [T, encoder dims]; not freed
 * @throws SottoError CANCELLED
 */
export async function decodeSequences(
  transducer: Transducer,
  features: readonly MxArray[],
  options: Pick<GreedyOptions, 'bias' | 'hotwords'>,
  signal: AbortSignal,
): Promise<(readonly Emission[])[]> {
  const kernel = options.hotwords === undefined ? TransducerKernel.of(transducer, options.bias) : undefined;
  const all: (readonly Emission[])[] = [];
  if (kernel === undefined) {
    for (const each of features) all.push(await decodeSequence(transducer, each, options, signal));
    return all;
  }
  for (let from = 0; from < features.length; from += MAX_LANES)
    all.push(...(await decodeLanes(transducer, kernel, features.slice(from, from + MAX_LANES), signal)));
  return all;
}

async function decodeLanes(
  transducer: Transducer,
  kernel: TransducerKernel,
  features: readonly MxArray[],
  signal: AbortSignal,
): Promise<readonly (readonly Emission[])[]> {
  const lengths = features.map(({ shape }) => shape[0] ?? 0);
  const longest = Math.max(...lengths);
  const projected = mx.tidy(() =>
    mx.stack(
      features.map((each, i) =>
        mx.pad(transducer.joint.enc.forward(each), [
          [0, longest - (lengths[i] ?? 0)],
          [0, 0],
        ]),
      ),
    ),
  );
  const start = kernel.start(lengths.length);
  try {
    const lanes = lengths.map((frames) => ({ walk: { frame: 0, symbols: 0 }, frames }));
    const { emissions, state } = await kernel.decode(projected, lanes, start, signal);
    state.dispose();
    return emissions;
  } finally {
    mx.dispose([projected, start]);
  }
}
