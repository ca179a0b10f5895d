/** `1:05` */
export function formatClock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}

/** `German` for `de`; undefined and `auto` mean that it is still being detected. */
export function languageName(code: string | undefined): string {
  if (code === undefined || code === 'auto') return 'Detecting…';
  try {
    return new Intl.DisplayNames(['en'], { type: 'language' }).of(code) ?? code;
  } catch {
    return code;
  }
}
