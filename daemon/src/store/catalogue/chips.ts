/**
 * Assumed speeds of Apple's GPUs until one is measured, by the chip's name, which the system reports without a GPU:
 * Metal has the same name for M4 Pro and M4 Max (applegpu_g16s).
 */
import { cpus } from 'node:os';

/**
 * Peak in 10⁹ float16 operations a second: cores × 128 lanes × 2 × clock, for the usual number of cores. Not
 * measured.
 */
const PEAK_GFLOPS: Readonly<Record<string, number>> = {
  M1: 2_600,
  'M1 Pro': 5_200,
  'M1 Max': 10_400,
  'M1 Ultra': 20_800,
  M2: 3_600,
  'M2 Pro': 6_800,
  'M2 Max': 13_500,
  'M2 Ultra': 27_000,
  M3: 3_600,
  'M3 Pro': 6_400,
  'M3 Max': 14_300,
  'M3 Ultra': 28_600,
  M4: 4_100,
  'M4 Pro': 8_200,
  'M4 Max': 16_500,
};
/** A chip that isn't in the table is newer: it counts as the newest one of its kind. */
const NEWEST = 'M4';
/** For an unknown chip. */
const UNKNOWN_GFLOPS = PEAK_GFLOPS.M2 ?? 0;

/**
 * Share of the peak that the encoder reaches. Estimated for an M1, an M3 Pro and an M4 Max: two thirds to three
 * quarters.
 */
const ENCODER_SHARE = 0.7;

/** `M1`, `M3 Pro`; undefined if it isn't Apple's. */
export function appleChip(model: string = cpus()[0]?.model ?? ''): string | undefined {
  const [, generation, kind] = /^Apple (M\d+)(?: (Pro|Max|Ultra))?\b/.exec(model) ?? [];
  if (generation === undefined) return undefined;
  return kind === undefined ? generation : `${generation} ${kind}`;
}

/** The encoder's assumed speed on this chip, 10⁹ operations a second. */
export function assumedGflops(chip: string | undefined): number {
  if (chip === undefined) return UNKNOWN_GFLOPS * ENCODER_SHARE;
  const kin = chip.replace(/^M\d+/, NEWEST);
  const peak = PEAK_GFLOPS[chip] ?? PEAK_GFLOPS[kin] ?? PEAK_GFLOPS[`${NEWEST} Max`] ?? UNKNOWN_GFLOPS;
  return peak * ENCODER_SHARE;
}
