/** Durations and speeds for people. */

/** `12×`, `3.4×`, `0.85×`. */
export function formatSpeed(speed: number): string {
  return `${speed.toFixed(speed >= 9.95 ? 0 : speed >= 0.995 ? 1 : 2)}×`;
}

/** `0:07`, `12:30`, `1:02:03`. */
export function clock(seconds: number): string {
  const whole = Math.round(seconds);
  const pad = (value: number): string => String(value).padStart(2, '0');
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours > 0 ? `${hours}:${pad(minutes)}:${pad(whole % 60)}` : `${minutes}:${pad(whole % 60)}`;
}
