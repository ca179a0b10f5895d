/** Packets of one stream in pages of Ogg (RFC 3533). */
const HEADER_BYTES = 27;
const MAX_SEGMENTS = 255;
const FIRST_PAGE = 2;
const LAST_PAGE = 4;
const CHECKSUM_AT = 22;

export class OggPageWriter {
  readonly #serial: number;
  #packets: Uint8Array[] = [];
  #segments = 0;
  #granule = 0;
  #sequence = 0;

  /** @param serial number of the stream */
  constructor(serial: number) {
    this.#serial = serial;
  }

  get packets(): number {
    return this.#packets.length;
  }

  /** Whether the page takes one more packet. */
  fits(packet: Uint8Array): boolean {
    return this.#segments + segmentsOf(packet) <= MAX_SEGMENTS;
  }

  /** @param granule samples up to the end of the packet */
  add(packet: Uint8Array, granule: number): void {
    this.#packets.push(packet);
    this.#segments += segmentsOf(packet);
    this.#granule = granule;
  }

  /** The page of the packets so far. */
  flush(isLast = false): Uint8Array {
    const lacing = this.#packets.flatMap(({ length }) => [
      ...new Array<number>(Math.floor(length / 255)).fill(255),
      length % 255,
    ]);
    const head = Buffer.alloc(HEADER_BYTES);
    head.write('OggS', 'latin1');
    head[5] = (this.#sequence === 0 ? FIRST_PAGE : 0) | (isLast ? LAST_PAGE : 0);
    head.writeBigUInt64LE(BigInt(this.#granule), 6);
    head.writeUInt32LE(this.#serial, 14);
    head.writeUInt32LE(this.#sequence, 18);
    head[26] = lacing.length;
    const page = Buffer.concat([head, Uint8Array.from(lacing), ...this.#packets]);
    page.writeUInt32LE(crc32(page), CHECKSUM_AT);
    this.#sequence += 1;
    this.#packets = [];
    this.#segments = 0;
    return page;
  }
}

const segmentsOf = (packet: Uint8Array): number => Math.floor(packet.length / 255) + 1;

const POLYNOMIAL = 0x04c1_1db7;
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 24;
  for (let i = 0; i < 8; i++) crc = (crc << 1) ^ (crc < 0 ? POLYNOMIAL : 0);
  return crc;
});

/** Not reflected, from 0: another one than zlib's. */
function crc32(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) crc = (crc << 8) ^ (TABLE[(crc >>> 24) ^ byte] as number);
  return crc >>> 0;
}
