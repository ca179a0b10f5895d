/** Sample rates by index (ISO/IEC 14496-3, Table 1.18). */
export const SAMPLE_RATES: readonly number[] = [
  96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350,
];

/** Scale factor bands as [count, width] (Tables 4.138 to 4.150). */
type Runs = readonly (readonly [count: number, width: number])[];

// prettier-ignore
const LONG_96: Runs = [[14, 4], [5, 8], [5, 12], [2, 16], [1, 24], [1, 28], [1, 36], [1, 44], [11, 64]];
// prettier-ignore
const LONG_64: Runs = [[14, 4], [4, 8], [3, 12], [3, 16], [1, 20], [2, 24], [1, 28], [1, 36], [18, 40]];
// prettier-ignore
const LONG_48: Runs = [[10, 4], [7, 8], [4, 12], [2, 16], [2, 20], [2, 24], [2, 28], [19, 32], [1, 96]];
// prettier-ignore
const LONG_32: Runs = [[10, 4], [7, 8], [4, 12], [2, 16], [2, 20], [2, 24], [2, 28], [22, 32]];
// prettier-ignore
const LONG_24: Runs = [[11, 4], [10, 8], [4, 12], [3, 16], [2, 20], [2, 24], [2, 28], [1, 32], [2, 36], [1, 40], [1, 44], [1, 48], [2, 52], [5, 64]];
// prettier-ignore
const LONG_16: Runs = [[11, 8], [9, 12], [4, 16], [3, 20], [2, 24], [2, 28], [1, 32], [1, 36], [2, 40], [1, 44], [1, 48], [1, 52], [1, 56], [1, 60], [3, 64]];
// prettier-ignore
const LONG_8: Runs = [[13, 12], [7, 16], [4, 20], [3, 24], [2, 28], [1, 32], [2, 36], [1, 40], [1, 44], [1, 48], [1, 52], [1, 56], [1, 60], [1, 64], [1, 80]];
// prettier-ignore
const SHORT_96: Runs = [[6, 4], [3, 8], [1, 16], [1, 28], [1, 36]];
// prettier-ignore
const SHORT_48: Runs = [[5, 4], [3, 8], [3, 12], [3, 16]];
// prettier-ignore
const SHORT_24: Runs = [[7, 4], [3, 8], [2, 12], [2, 16], [1, 20]];
// prettier-ignore
const SHORT_16: Runs = [[8, 4], [2, 8], [2, 12], [1, 16], [2, 20]];
// prettier-ignore
const SHORT_8: Runs = [[7, 4], [4, 8], [1, 12], [1, 16], [2, 20]];

/** Offsets of the bands by sample rate index; the last entry is the end of the last band. */
function offsets(byRate: readonly Runs[]): readonly (readonly number[])[] {
  return byRate.map((runs) => {
    const starts = [0];
    let at = 0;
    for (const [count, width] of runs) {
      for (let i = 0; i < count; i++) starts.push((at += width));
    }
    return starts;
  });
}

// prettier-ignore
export const LONG_BANDS = offsets([
  LONG_96, LONG_96, LONG_64, LONG_48, LONG_48, LONG_32, LONG_24, LONG_24, LONG_16, LONG_16, LONG_16, LONG_8, LONG_8,
]);
// prettier-ignore
export const SHORT_BANDS = offsets([
  SHORT_96, SHORT_96, SHORT_96, SHORT_48, SHORT_48, SHORT_48, SHORT_24, SHORT_24, SHORT_16, SHORT_16, SHORT_16, SHORT_8, SHORT_8,
]);

/** Number of bands that temporal noise shaping may cover, by sample rate index (Table 4.139, low complexity). */
export const TNS_MAX_LONG_BANDS: readonly number[] = [31, 31, 34, 40, 42, 51, 46, 46, 42, 42, 42, 39, 39];
export const TNS_MAX_SHORT_BANDS: readonly number[] = [9, 9, 10, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14];
