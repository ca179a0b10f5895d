/** The hashes of a file: the one that the Hub declares, and the one in the model's record. */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { throwIfCancelled } from '../../async.js';
import type { RemoteFile } from './select-files.js';

export class FileHash {
  readonly #sha256 = createHash('sha256');
  readonly #gitBlob: ReturnType<typeof createHash> | undefined;
  readonly #declared: RemoteFile;
  bytes = 0;

  constructor(declared: RemoteFile) {
    this.#declared = declared;
    if (declared.gitBlob !== undefined) {
      this.#gitBlob = createHash('sha1').update(`blob ${declared.bytes}\0`);
    }
  }

  update(chunk: Uint8Array): void {
    this.bytes += chunk.length;
    this.#sha256.update(chunk);
    this.#gitBlob?.update(chunk);
  }

  /** Called once, at the end. `isIntact`: size and hash match the Hub's. */
  finish(): { sha256: string; isIntact: boolean } {
    const sha256 = this.#sha256.digest('hex');
    const { bytes, sha256: wanted, gitBlob } = this.#declared;
    const isSame = wanted !== undefined ? sha256 === wanted : this.#gitBlob?.digest('hex') === gitBlob;
    return { sha256, isIntact: isSame && this.bytes === bytes };
  }
}

const READ_BYTES = 1024 * 1024;

/** Passes a file's bytes to a callback, from the start, at most `limit` bytes. */
export async function readThrough(
  path: string,
  limit: number,
  signal: AbortSignal,
  onChunk: (chunk: Uint8Array) => void,
): Promise<void> {
  const file = await open(path, 'r');
  try {
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    for (let at = 0; at < limit;) {
      throwIfCancelled(signal);
      const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, limit - at), at);
      if (bytesRead === 0) return;
      onChunk(buffer.subarray(0, bytesRead));
      at += bytesRead;
    }
  } finally {
    await file.close();
  }
}
