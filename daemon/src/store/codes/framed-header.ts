/** The start of a file of codes: magic, version, length of the header (32 bits, big endian), header (JSON). */
import * as v from 'valibot';

import type { SottoError } from '../../protocol/errors.js';

const VERSION_BYTES = 1;
const LENGTH_BYTES = 4;

interface HeaderFormat<Fields> {
  /** ASCII. */
  readonly magic: string;
  readonly version: number;
  /** A longer header is refused. */
  readonly maxBytes: number;
  readonly schema: v.GenericSchema<unknown, Fields>;
  /** The error of a file with this problem. */
  readonly invalid: (problem: string, cause?: unknown) => SottoError;
}

/** Whether bytes begin with a magic. */
export const hasMagic = (bytes: Uint8Array, magic: string): boolean =>
  Buffer.from(bytes.subarray(0, magic.length)).toString('latin1') === magic;

/** Magic, version, length and the header itself. */
export function framedHeader(magic: string, version: number, fields: object): Uint8Array {
  const json = Buffer.from(JSON.stringify(fields));
  const prefix = Buffer.alloc(magic.length + VERSION_BYTES + LENGTH_BYTES);
  prefix.write(magic, 'latin1');
  prefix.writeUInt8(version, magic.length);
  prefix.writeUInt32BE(json.length, magic.length + VERSION_BYTES);
  return Buffer.concat([prefix, json]);
}

/** @returns its fields, and where it ends @throws what `invalid` gives */
export function readFramedHeader<Fields>(
  bytes: Uint8Array,
  { magic, version, maxBytes, schema, invalid }: HeaderFormat<Fields>,
): { fields: Fields; end: number } {
  const prefixBytes = magic.length + VERSION_BYTES + LENGTH_BYTES;
  if (!hasMagic(bytes, magic) || bytes.length < prefixBytes) throw invalid(`it does not begin with ${magic}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found = view.getUint8(magic.length);
  if (found !== version) throw invalid(`it has version ${found}, not ${version}`);
  const length = view.getUint32(magic.length + VERSION_BYTES);
  const end = prefixBytes + length;
  if (length > maxBytes || end > bytes.length) throw invalid('its header is longer than the file');
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(bytes.subarray(prefixBytes, end)).toString());
  } catch (cause) {
    throw invalid('its header is not JSON', cause);
  }
  const parsed = v.safeParse(schema, json);
  if (parsed.success) return { fields: parsed.output, end };
  const [issue] = parsed.issues;
  throw invalid(`its header: ${v.getDotPath(issue) ?? 'no object'}: ${issue.message}`);
}
