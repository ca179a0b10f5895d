import { BitReader } from './bit-reader.js';
import { type ChannelStream, readChannelStream, readWindowInfo } from './channel-stream.js';
import { type AacConfig } from './aac-config.js';
import { FilterBank } from './filter-bank.js';
import { type MidSideMask, NoiseSource, applyIntensity, applyMidSide } from './stereo.js';
import { applyTns } from './tns.js';

// Syntactic elements (Table 4.85).
const SINGLE = 0;
const PAIR = 1;
const LOW_FREQUENCY = 3;
const DATA = 4;
const PROGRAM_CONFIG = 5;
const FILL = 6;
const END = 7;

const SBR_DATA = 13;
const SBR_DATA_CRC = 14;

/**
 * Decodes AAC low complexity (ISO/IEC 14496-3, subpart 4) frame by frame. Implemented here because no package with a
 * license that can be shipped does it. For HE-AAC it decodes the core: the whole speech band, without the replicated
 * high band (see ../README.md).
 */
export class AacDecoder {
  /** True after a frame with spectral band replication data: the stream is HE-AAC. */
  hasSeenSbr = false;
  readonly #noise = new NoiseSource();
  /** Filter banks of the channels, by the kind and tag of their element. */
  readonly #banks = new Map<string, FilterBank>();

  readonly #config: AacConfig;

  constructor(config: AacConfig) {
    this.#config = config;
  }

  /**
   * Decodes one raw_data_block().
   * @returns 1,024 samples per channel, in stream order, without the low-frequency channel
   * @throws RangeError for a damaged frame; the next frame can still be decoded
   */
  decode(frame: Uint8Array): Float32Array[] {
    const bits = new BitReader(frame);
    const channels: Float32Array[] = [];
    for (;;) {
      const element = bits.read(3);
      if (element === END) return channels;
      const tag = bits.read(4); // for FILL, its length
      switch (element) {
        case SINGLE:
        case LOW_FREQUENCY: {
          const stream = readChannelStream(bits, this.#config.rateIndex);
          this.#noise.fill(stream);
          const samples = this.#finish(stream, `${element}.${tag}`);
          if (element === SINGLE) channels.push(samples);
          break;
        }
        case PAIR:
          channels.push(...this.#pair(bits, tag));
          break;
        case DATA: {
          const aligned = bits.flag();
          let count = bits.read(8);
          if (count === 255) count += bits.read(8);
          if (aligned) bits.align();
          bits.skip(count * 8);
          break;
        }
        case PROGRAM_CONFIG:
          skipProgramConfig(bits);
          break;
        case FILL:
          this.#fill(bits, tag);
          break;
        default:
          throw new RangeError('AAC coupling channels');
      }
    }
  }

  #pair(bits: BitReader, tag: number): Float32Array[] {
    const { rateIndex } = this.#config;
    const shared = bits.flag() ? readWindowInfo(bits, rateIndex) : undefined;
    let mask: MidSideMask = new Uint8Array(0);
    if (shared !== undefined) {
      const present = bits.read(2);
      if (present === 3) throw new RangeError('reserved AAC stereo mask');
      const count = shared.groups.length * shared.maxBand;
      if (present === 1) mask = Uint8Array.from({ length: count }, () => bits.read(1));
      else if (present === 2) mask = new Uint8Array(count).fill(1);
    }
    const left = readChannelStream(bits, rateIndex, shared);
    const right = readChannelStream(bits, rateIndex, shared);
    this.#noise.fill(left, { stream: right, mask });
    this.#noise.fillRemaining(right, left, mask);
    applyMidSide(left, right, mask); // does nothing without a mask
    applyIntensity(left, right, mask);
    return [this.#finish(left, `${PAIR}.${tag}.left`), this.#finish(right, `${PAIR}.${tag}.right`)];
  }

  #finish(stream: ChannelStream, channel: string): Float32Array {
    applyTns(stream);
    let bank = this.#banks.get(channel);
    if (bank === undefined) {
      bank = new FilterBank();
      this.#banks.set(channel, bank);
    }
    return bank.process(stream.spectrum, stream.info);
  }

  #fill(bits: BitReader, length: number): void {
    const bytes = length === 15 ? 14 + bits.read(8) : length;
    if (bytes > 0) {
      const kind = bits.peek(4);
      if (kind === SBR_DATA || kind === SBR_DATA_CRC) this.hasSeenSbr = true;
    }
    bits.skip(bytes * 8);
  }
}

/** Skips program_config_element() after its tag: the decoder uses the stream's order of channels. */
function skipProgramConfig(bits: BitReader): void {
  bits.skip(6); // profile, sample rate
  const [front, side, back] = [bits.read(4), bits.read(4), bits.read(4)];
  const [lowFrequency, data, coupling] = [bits.read(2), bits.read(3), bits.read(4)];
  for (const mixdownBits of [4, 4, 3]) if (bits.flag()) bits.skip(mixdownBits);
  bits.skip((front + side + back) * 5 + (lowFrequency + data) * 4 + coupling * 5);
  bits.align();
  bits.skip(bits.read(8) * 8); // comment
}
