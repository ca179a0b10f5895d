/** Device memory of a chunk of DAC or SNAC. */
import type { Backend } from '../../memory/backend.js';
import type { ChunkPlan } from './chunked.js';

const FLOAT32 = 4;
/** Multiples of the largest activation: measured on the CPU at full size (4 to 8, 14 to 16); a GPU is taken to need as much. */
const MULTIPLES: Readonly<Record<Backend, number>> = { kernels: 8, cpu: 17, gpu: 17 };

/**
 * The widest stage of the encoder or the decoder, with its context.
 *
 * @param tiles blocks next to the samples that are computed in tiles, and the samples of one with its context
 */
export function chunkBytes(
  encoder: { readonly down: readonly number[]; readonly width: number },
  decoder: { readonly up: readonly number[]; readonly width: number },
  plans: { readonly encode: ChunkPlan; readonly decode: ChunkPlan },
  backend: Backend,
  tiles: { readonly blocks: number; readonly samples: number } = { blocks: 0, samples: Infinity },
): number {
  const { hop } = plans.encode;
  const sizes: number[] = [];
  // The last chunk may be longer by its context.
  const samplesOf = ({ frames, context }: ChunkPlan, isTiled: boolean): number =>
    Math.min((frames + 2 * context) * hop, isTiled ? tiles.samples : Infinity);
  let [width, perSample] = [encoder.width, 1];
  for (const [i, rate] of encoder.down.entries()) {
    sizes.push(samplesOf(plans.encode, i < tiles.blocks) * perSample * width);
    [width, perSample] = [2 * width, perSample / rate];
  }
  [width, perSample] = [decoder.width, 1 / hop];
  for (const [i, rate] of decoder.up.entries()) {
    [width, perSample] = [width / 2, perSample * rate];
    const isTiled = i >= decoder.up.length - tiles.blocks;
    sizes.push(samplesOf(plans.decode, isTiled) * perSample * width);
  }
  return Math.ceil(MULTIPLES[backend] * FLOAT32 * Math.max(...sizes));
}
