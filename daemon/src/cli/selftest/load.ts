/** Step 2: the addon, the device, and the first kernel. */
import { askFor, unavailable } from './ask.js';
import type { Step } from './verdict.js';

export const loadStep: Step = async (environment) => {
  try {
    const { facts } = await askFor(environment, { type: 'load' }, 'loaded');
    const { mlx, device, coldMs, warmMs } = facts;
    const times = `first kernel ${coldMs.toFixed(0)} ms, then ${warmMs.toFixed(2)} ms`;
    const found = `MLX ${mlx} on the ${device}, ${times}`;
    if (environment.os !== 'darwin' || device === 'gpu')
      return [{ name: 'load', verdict: 'ok', found, facts }];
    const advice = 'Sotto needs the GPU of Apple silicon, outside a virtual machine';
    return [{ name: 'load', verdict: 'failed', found: `${found}: no GPU`, facts, advice }];
  } catch (error) {
    return [unavailable('load', error)];
  }
};
