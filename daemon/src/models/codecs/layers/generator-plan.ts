/** Features of any length through a generator, chunk by chunk. */
import { mx, type MxArray } from '#native/index.js';

import { generatorHop, type GeneratorConfig } from './generator-config.js';
import { vocodeChunks, type VocoderPlan } from './vocode.js';

const FIRST_KERNEL_REACH = 3;
const LAST_KERNEL_REACH = 3;

/**
 * Yields the samples of a spectrogram, or of the latents of a voice.
 *
 * @param features [T, channels]; not freed
 * @throws SottoError CANCELLED; ENGINE_CRASHED for a NaN
 */
export function vocodeFrames(
  network: { steps(): readonly ((x: MxArray) => MxArray)[] },
  features: MxArray,
  plan: VocoderPlan,
  signal: AbortSignal,
): AsyncGenerator<Float32Array, void> {
  const [frames = 0, channels = 0] = features.shape;
  const cut = (start: number, end: number): MxArray =>
    mx.expandDims(mx.slice(features, [start, 0], [end, channels]), 0);
  return vocodeChunks(frames, cut, plan, () => network.steps(), signal);
}

/**
 * Chunks with the context that makes them exact.
 *
 * @param frames to keep of each chunk
 * @param activationReach samples on each side that an activation reads
 */
export function generatorPlan(config: GeneratorConfig, frames: number, activationReach = 0): VocoderPlan {
  let [reach, samplesPerFrame] = [FIRST_KERNEL_REACH, 1];
  const ofBlock = Math.max(
    ...config.resblock_kernel_sizes.map((kernel, i) => blockReach(config, kernel, i, activationReach)),
  );
  for (const [i, rate] of config.upsample_rates.entries()) {
    reach += Math.ceil((config.upsample_kernel_sizes[i] ?? 0) / rate / 2) / samplesPerFrame;
    samplesPerFrame *= rate;
    reach += ofBlock / samplesPerFrame;
  }
  reach += (activationReach + LAST_KERNEL_REACH) / samplesPerFrame;
  return { hop: generatorHop(config), frames, context: Math.ceil(reach), missing: 0 };
}

function blockReach(config: GeneratorConfig, kernel: number, i: number, activationReach: number): number {
  const half = (kernel - 1) / 2;
  const plain = config.resblock === '1' ? half + activationReach : 0;
  const dilations = config.resblock_dilation_sizes[i] ?? [];
  return dilations.reduce((sum, dilation) => sum + activationReach + half * dilation + plain, 0);
}
