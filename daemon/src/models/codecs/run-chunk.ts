/** Computes one chunk of a stream. */
import { mx, type MxArray } from '#native/index.js';

import { runSteps } from '../network-steps.js';
import { ChunkPass, type StreamState } from './layers/chunk-pass.js';

export type NetworkStep = (x: MxArray) => MxArray;

/** A network that computes a stream chunk by chunk as it computes the whole signal. */
export interface StreamingCodec {
  /** Samples of a frame. */
  readonly hop: number;
  readonly channels: number;
  /** Frames that the first chunk must have, unless it is the whole signal. */
  readonly firstChunkFrames: number;
  /** Samples [B, L, channels] → codes uint32 [B, codebooks, ⌈L / hop⌉] */
  encodeSteps(codebooks: number, pass?: ChunkPass): NetworkStep[];
  /** Codes [B, K, T] → samples [B, T · hop, channels] */
  decodeSteps(pass?: ChunkPass): NetworkStep[];
}

/**
 * @param input freed
 * @param before the state before the chunk; it stays valid
 * @param chunk `samples`: those that it has or makes; `isLast`: whether no chunk follows
 * @returns the output and the state after the chunk, both evaluated; the caller owns them
 * @throws SottoError CANCELLED within two layers, or a small chunk
 */
export async function runChunk(
  input: MxArray,
  steps: (pass: ChunkPass) => NetworkStep[],
  before: StreamState | undefined,
  { isLast, samples }: { readonly isLast: boolean; readonly samples: number },
  signal: AbortSignal,
): Promise<{ output: MxArray; state: StreamState }> {
  const pass = new ChunkPass(before, isLast);
  let output: MxArray | undefined;
  try {
    output = await runSteps(
      input,
      samples > SMALL_CHUNK_SAMPLES ? steps(pass) : inGroups(steps(pass)),
      signal,
    );
    await mx.ready(...pass.arrays);
    return { output, state: pass.finish() };
  } catch (error) {
    output?.dispose();
    pass.dispose();
    throw error;
  }
}

/** Samples. A chunk of a few frames is computed in so little time that waiting for each layer would cost a fifth of it. */
const SMALL_CHUNK_SAMPLES = 4000;
const LAYERS_OF_A_GROUP = 8;

function inGroups(steps: readonly NetworkStep[]): readonly NetworkStep[] {
  const groups: NetworkStep[] = [];
  for (let from = 0; from < steps.length; from += LAYERS_OF_A_GROUP) {
    const group = steps.slice(from, from + LAYERS_OF_A_GROUP);
    groups.push((x) => runAll(x, group));
  }
  return groups;
}

/**
 * One chunk of a stream, not evaluated yet: for callers that put it between other ops.
 *
 * @param before the state before the chunk; it stays valid
 * @param isLast whether no chunk follows; only then may the chunk be no multiple of a frame
 * @returns the output and the state after the chunk; the caller owns them
 * @example
 * const { output: samples, state } = streamChunk(codes, (pass) => mimi.decodeSteps(pass), before);
 */
export function streamChunk(
  input: MxArray,
  steps: (pass: ChunkPass) => NetworkStep[],
  before?: StreamState,
  isLast = false,
): { output: MxArray; state: StreamState } {
  const pass = new ChunkPass(before, isLast);
  try {
    const output = mx.tidy(() => mx.keep(runAll(input, steps(pass))));
    return { output, state: pass.finish() };
  } catch (error) {
    pass.dispose();
    throw error;
  }
}

/** The steps as one function, for callers that need no cancellation. */
export function runAll(input: MxArray, steps: readonly NetworkStep[]): MxArray {
  return steps.reduce((x, step) => step(x), input);
}
