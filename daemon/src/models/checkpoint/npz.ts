/**
 * Reads weights.npz, a zip of .npy files, one array at a time. No claimed size is trusted: those of the zip directory, the
 * array header and the data must agree.
 */
import * as zlib from 'node:zlib';
import { openPromise, type Entry, type ZipFile } from 'yauzl';

import { messageOf, SottoError } from '#daemon/protocol/errors.js';
import type { MxArray } from '#native/index.js';

import { npyArray, NPY_PREFIX_BYTES, npyHeaderBytes, parseNpyHeader, type NpyHeader } from './npy.js';
import type { WeightStore } from './weight-store.js';

const SUFFIX = '.npy';
const MAX_ENTRIES = 100_000;

/** Deflate cannot compress further. */
const MAX_DEFLATE_RATIO = 1_040;

/**
 * Opens the file and reads its directory.
 *
 * @throws SottoError MODEL_CORRUPT naming the file and the entry
 */
export async function openNpz(path: string): Promise<WeightStore> {
  let zip: ZipFile;
  try {
    zip = await openPromise(path, { autoClose: false, strictFileNames: true });
  } catch (cause) {
    throw corrupt(path, messageOf(cause), cause);
  }
  try {
    const entries = await readDirectory(zip, path);
    return {
      files: [path],
      names: new Set(entries.keys()),
      array: async (name) => {
        const entry = entries.get(name);
        if (entry === undefined) throw new RangeError(`${name} is not in ${path}`);
        try {
          return await readArray(zip, entry);
        } catch (cause) {
          throw corrupt(path, `${name}: ${messageOf(cause)}`, cause);
        }
      },
      close: () => zip.close(),
    };
  } catch (error) {
    zip.close();
    throw error instanceof SottoError ? error : corrupt(path, messageOf(error), error);
  }
}

async function readDirectory(zip: ZipFile, path: string): Promise<Map<string, Entry>> {
  if (zip.entryCount > MAX_ENTRIES) throw corrupt(path, `claims ${zip.entryCount} files`);
  const entries = new Map<string, Entry>();
  for await (const entry of zip.eachEntry()) {
    const fail = (problem: string) => corrupt(path, `${JSON.stringify(entry.fileName)}: ${problem}`);
    const name = entry.fileName.slice(0, -SUFFIX.length);
    if (!/^\w[\w.-]*\.npy$/.test(entry.fileName) || name === '__proto__') throw fail('not an array name');
    if (entries.has(name)) throw fail('duplicate entry');
    if (!entry.canDecodeFileData()) throw fail('encrypted or in an unsupported compression');
    if (entry.uncompressedSize > entry.compressedSize * MAX_DEFLATE_RATIO + 1_024) {
      throw fail(`${entry.compressedSize} bytes cannot expand to ${entry.uncompressedSize}`);
    }
    entries.set(name, entry);
  }
  return entries;
}

/** @throws RangeError; errors of zlib and the file system */
async function readArray(zip: ZipFile, entry: Entry): Promise<MxArray> {
  let first = Buffer.alloc(0); // until the header is complete
  let header: NpyHeader | undefined;
  let elements = new Uint8Array(0);
  let filled = 0;
  let checksum = 0;
  const stream = await zip.openReadStreamPromise(entry);
  for await (const chunk of stream) {
    let bytes = chunk as Buffer;
    checksum = zlib.crc32?.(bytes, checksum) ?? checksum; // since Node 20.15
    if (header === undefined) {
      first = Buffer.concat([first, bytes]);
      if (first.length < NPY_PREFIX_BYTES) continue;
      const headBytes = npyHeaderBytes(first);
      if (first.length < headBytes) continue;
      header = parseNpyHeader(first.subarray(0, headBytes));
      if (header.begin + header.bytes !== entry.uncompressedSize) {
        throw new RangeError(
          `${header.dtype}[${header.shape.join(', ')}] needs ${header.bytes} bytes, but has ${entry.uncompressedSize - header.begin}`,
        );
      }
      elements = new Uint8Array(header.bytes);
      bytes = first.subarray(headBytes);
    }
    if (filled + bytes.length > elements.length) throw new RangeError('more bytes than its declared size');
    elements.set(bytes, filled);
    filled += bytes.length;
  }
  if (header === undefined || filled !== elements.length) throw new RangeError('truncated');
  if (zlib.crc32 !== undefined && checksum >>> 0 !== entry.crc32 >>> 0)
    throw new RangeError('checksum mismatch');
  return npyArray(elements, header);
}

function corrupt(path: string, problem: string, cause?: unknown): SottoError {
  return new SottoError('MODEL_CORRUPT', `${path}: ${problem}`, cause === undefined ? {} : { cause });
}
