/** Rounds to hundredths of a second, the resolution of all times. */
export function toCentiseconds(seconds: number): number {
  return Math.round(seconds * 100) / 100;
}
