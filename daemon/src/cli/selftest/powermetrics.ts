/** Parses the GPU figures of `powermetrics` during a dictation. */

interface GpuUse {
  readonly samples: number;
  /** Means over the samples; the share is 0 … 1. */
  readonly share?: number;
  readonly watts?: number;
  /** CPU, GPU and Neural Engine together; newer systems leave it out. */
  readonly combinedWatts?: number;
}

/** Samples once a second. */
export function powermetricsArguments(seconds: number): string[] {
  return ['--samplers', 'gpu_power,cpu_power', '-i', '1000', '-n', String(seconds)];
}

/** @returns undefined if no line is recognized */
export function parsePower(printed: string): GpuUse | undefined {
  const shares = figures(printed, /^GPU (?:HW )?active residency:\s+([\d.]+)%/gm);
  // Both samplers print the power, so the shares give the number of samples.
  const watts = figures(printed, /^GPU Power:\s+([\d.]+) mW/gm);
  const combined = figures(printed, /^Combined Power \([^)]*\):\s+([\d.]+) mW/gm);
  if (shares.length === 0 && watts.length === 0) return undefined;
  return {
    samples: shares.length > 0 ? shares.length : watts.length,
    ...(shares.length > 0 && { share: mean(shares) / 100 }),
    ...(watts.length > 0 && { watts: mean(watts) / 1000 }),
    ...(combined.length > 0 && { combinedWatts: mean(combined) / 1000 }),
  };
}

function figures(printed: string, pattern: RegExp): number[] {
  return [...printed.matchAll(pattern)].map(([, figure]) => Number(figure)).filter(Number.isFinite);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
