/** Step 2: the addon, the device, and the first kernel. */
import { sendFor, unavailable } from '../selftest-process.js';
import type { Step } from '../check-result.js';

export const loadStep: Step = async function* (environment) {
  try {
    const { facts } = await sendFor(environment, { type: 'load' }, 'loaded');
    const { mlx, device, coldMs, warmMs, facts: hardware } = facts;
    const times = `first kernel ${coldMs.toFixed(0)} ms, then ${warmMs.toFixed(2)} ms`;
    const { architecture } = hardware;
    const which = device === 'gpu' ? `${device} (${architecture ?? 'of unknown architecture'})` : device;
    const message = `MLX ${mlx} on the ${which}, ${times}`;
    if (environment.os !== 'darwin' || device === 'gpu') {
      yield { name: 'load', status: 'ok', message, facts };
      return;
    }
    const advice = 'Sotto needs the GPU of Apple silicon, outside a virtual machine';
    yield { name: 'load', status: 'failed', message: `${message}: no GPU`, facts, advice };
  } catch (error) {
    yield unavailable('load', error);
  }
};
