/** Formats `01:02:03,456`. Hours are always included and may have more than two digits. */
export function timestamp(seconds: number, decimalMark: ',' | '.'): string {
  return clockTime(milliseconds(seconds), decimalMark);
}

/** Converts seconds to whole milliseconds, at least 0. */
export function milliseconds(seconds: number): number {
  return Math.max(0, Math.round(seconds * 1000));
}

/** Formats whole milliseconds like `timestamp`. */
export function clockTime(ms: number, decimalMark: ',' | '.'): string {
  const pad = (value: number, digits = 2): string => String(value).padStart(digits, '0');
  const clock = [Math.floor(ms / 3_600_000), Math.floor(ms / 60_000) % 60, Math.floor(ms / 1000) % 60].map(
    (part) => pad(part),
  );
  return `${clock.join(':')}${decimalMark}${pad(ms % 1000, 3)}`;
}
