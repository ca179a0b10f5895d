/** SHA-256 in hexadecimal: what tells one text from another, or one piece of work. */
import { createHash } from 'node:crypto';

export function digestOf(text: string | Uint8Array): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Of a value as JSON, the same whatever order its fields came in: two who ask for the same get the same. */
export function digestOfJson(value: unknown): string {
  const sorted = (_: string, inner: unknown): unknown =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner;
  return digestOf(JSON.stringify(value, sorted));
}
