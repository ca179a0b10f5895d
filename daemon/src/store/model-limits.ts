/** The memory limits of models: from the settings, or the default for this machine. */
import { totalmem } from 'node:os';
import type { ModelLimits } from '../protocol/ipc.js';
import type { GpuSettings, MemorySettings } from '../settings.js';
import { CATALOGUE } from './catalogue/index.js';
import { defined } from '../protocol/defined.js';

/** A Mac shares memory with its GPU: the rest is for the user's apps. */
const MEMORY_FRACTION = 0.5;

export function modelLimits(
  { memory, gpu }: { readonly memory: MemorySettings; readonly gpu: GpuSettings },
  machineBytes = totalmem(),
): ModelLimits {
  const { maxBytes = machineBytes * MEMORY_FRACTION, unloadAfterMinutes } = memory;
  const { fileBatchSize } = gpu;
  return {
    maxBytes,
    ...(unloadAfterMinutes > 0 && { unloadAfterSeconds: unloadAfterMinutes * 60 }),
    ...defined({ fileBatchSize }),
    advice: `${largestModelHint(maxBytes)}\`memory.maxBytes\` in settings.json allows more`,
  };
}

function largestModelHint(maxBytes: number): string {
  const fitting = CATALOGUE.filter(({ memoryBytes }) => memoryBytes <= maxBytes);
  const best = fitting.sort((a, b) => b.parameters - a.parameters || b.memoryBytes - a.memoryBytes)[0];
  return best === undefined ? '' : `${best.name} would fit (\`sotto models pull ${best.name}\`); `;
}
