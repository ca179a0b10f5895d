/**
 * The header of a spool file. PCM follows, s16le mono 16 kHz, up to wherever the file ends: any prefix that holds
 * the complete header is a valid spool.
 *
 *     0   8  "SOTTOPCM"
 *     8   2  version of this layout, 1
 *    10   2  bytes of the header, a multiple of 16
 *    12   4  CRC-32 of the header, with these four bytes as 0
 *    16   …  JSON in UTF-8: session, start time and options; padded with spaces
 */
import { crc32 } from 'node:zlib';
import * as v from 'valibot';
import { liveOptionsSchema, sessionIdSchema } from '../../protocol/live.js';

const MAGIC = Buffer.from('SOTTOPCM', 'latin1');
const VERSION = 1;
const FIXED_BYTES = 16;
const CRC_AT = 12;
/** Maximum size of a header. */
export const MAX_HEADER_BYTES = 65_520;

const spoolInfoSchema = v.object({
  /** The session's id. */
  id: sessionIdSchema,
  /** Start time, in ms since 1970. */
  startedMs: v.pipe(v.number(), v.integer(), v.minValue(0)),
  /** Name or directory of the requested model; the daemon's default if left out. */
  model: v.exactOptional(v.string()),
  /** Directory of the model that transcribes instead if the speech is English. */
  english: v.exactOptional(v.string()),
  options: liveOptionsSchema,
  /** Worthless to another daemon: the client has gone with this one. */
  transient: v.exactOptional(v.boolean()),
});
export type SpoolInfo = v.InferOutput<typeof spoolInfoSchema>;

export function encodeHeader(info: SpoolInfo): Buffer {
  const json = Buffer.from(JSON.stringify(info), 'utf8');
  const size = Math.ceil((FIXED_BYTES + json.length) / 16) * 16;
  if (size > MAX_HEADER_BYTES) throw new RangeError(`header of ${size} bytes: the options are too long`);
  const head = Buffer.alloc(size, ' ');
  MAGIC.copy(head);
  head.writeUInt16LE(VERSION, 8);
  head.writeUInt16LE(size, 10);
  head.writeUInt32LE(0, CRC_AT);
  json.copy(head, FIXED_BYTES);
  head.writeUInt32LE(crc32(head), CRC_AT);
  return head;
}

interface SpoolHeader {
  readonly info: SpoolInfo;
  /** Offset of the PCM. */
  readonly bytes: number;
}

/** The header at the start of `bytes`; undefined if it is incomplete or invalid. */
export function parseHeader(bytes: Buffer): SpoolHeader | undefined {
  if (bytes.length < FIXED_BYTES || !bytes.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
  const size = bytes.readUInt16LE(10);
  if (bytes.readUInt16LE(8) !== VERSION || size < FIXED_BYTES || bytes.length < size) return undefined;
  const head = Buffer.from(bytes.subarray(0, size));
  const expected = head.readUInt32LE(CRC_AT);
  head.writeUInt32LE(0, CRC_AT);
  if (crc32(head) !== expected) return undefined;
  try {
    const parsed = v.safeParse(spoolInfoSchema, JSON.parse(head.subarray(FIXED_BYTES).toString('utf8')));
    return parsed.success ? { info: parsed.output, bytes: size } : undefined;
  } catch {
    return undefined;
  }
}

/** Whether `bytes`, the whole content of a file, are a truncated header: the first write of a spool failed. */
export function isTruncatedHeader(bytes: Buffer): boolean {
  if (bytes.length < FIXED_BYTES) {
    const known = Math.min(bytes.length, MAGIC.length);
    return bytes.subarray(0, known).equals(MAGIC.subarray(0, known));
  }
  return bytes.subarray(0, MAGIC.length).equals(MAGIC) && bytes.length < bytes.readUInt16LE(10);
}
