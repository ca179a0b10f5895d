/** `58 MB`, `1.61 GB`: decimal units, as in macOS. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${Math.round(bytes)} bytes`;
  if (bytes < 999_500) return `${(bytes / 1e3).toFixed(0)} kB`;
  if (bytes < 9.95e6) return `${(bytes / 1e6).toFixed(1)} MB`;
  if (bytes < 999.5e6) return `${(bytes / 1e6).toFixed(0)} MB`;
  return `${(bytes / 1e9).toFixed(bytes < 9.95e9 ? 2 : 1)} GB`;
}
