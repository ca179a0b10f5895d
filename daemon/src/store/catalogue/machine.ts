/** The properties of a machine that decide which model fits it: memory, GPU and speed. Doesn't use the GPU. */
import { totalmem } from 'node:os';
import { readMachineSpeed } from '../machine-speed.js';
import { appleChip, assumedGflops } from './chips.js';
import { defined } from '../../protocol/defined.js';

export interface Machine {
  readonly memoryBytes: number;
  /** Whether MLX has a GPU: without one, only small models keep up with speech. */
  readonly hasGpu: boolean;
  /** `M3 Pro`; left out if it isn't Apple's. */
  readonly chip?: string;
  /** Measured speed of the encoder on the GPU, 10⁹ operations a second. Assumed from the chip if left out. */
  readonly measuredGflops?: number;
}

/** The encoder's speed on this machine: measured or assumed. */
export function gflopsOf({ chip, measuredGflops }: Machine): number {
  return measuredGflops ?? assumedGflops(chip);
}

const GIBIBYTE = 2 ** 30;

/** For people: `M3 Pro, 18 GB`. Memory is sold in units of 2³⁰ bytes. */
export function describeMachine({ chip, memoryBytes, hasGpu }: Machine): string {
  const memory = `${Math.round(memoryBytes / GIBIBYTE)} GB`;
  return [chip, memory, hasGpu ? undefined : 'no GPU'].filter((part) => part !== undefined).join(', ');
}

const MACHINE_OVERRIDE = /^(\d+)GB(?:,(gpu|M\d+(?: (?:Pro|Max|Ultra))?)(?:,(\d+)GFLOPS)?)?$/;

/**
 * This machine. `SOTTO_MACHINE` simulates another one: `24GB,gpu`, `18GB,M3 Pro`, `16GB,M1,900GFLOPS` (as
 * measured), or `16GB` without a GPU. The Store's pictures are drawn on Linux and show the recommendation for a
 * Mac.
 *
 * @param speedFile `machine.json`
 */
export function thisMachine(speedFile: string, env: NodeJS.ProcessEnv = process.env): Machine {
  const [, gigabytes, gpu, gflops] = MACHINE_OVERRIDE.exec(env.SOTTO_MACHINE ?? '') ?? [];
  if (gigabytes !== undefined)
    return {
      memoryBytes: Number(gigabytes) * GIBIBYTE,
      hasGpu: gpu !== undefined,
      ...(gpu !== undefined && gpu !== 'gpu' && { chip: gpu }),
      ...defined({ measuredGflops: gflops === undefined ? undefined : Number(gflops) }),
    };
  const chip = appleChip();
  const measuredGflops = readMachineSpeed(speedFile, chip);
  return {
    memoryBytes: totalmem(),
    hasGpu: process.platform === 'darwin' && process.arch === 'arm64',
    ...defined({ chip, measuredGflops }),
  };
}
