/**
 * The output of sotto-mic: frames of a kind (1 byte), a length (4 bytes, little-endian) and as many bytes. `A` is
 * audio (16-bit little-endian, mono, at the rate of the last `opened`), `E` an event (JSON). native/mic/output.h is
 * the other side.
 */
import { SottoError } from '../../protocol/errors.js';

export type MicFrame =
  | { readonly kind: 'audio'; readonly samples: Int16Array }
  | { readonly kind: 'event'; readonly json: string };

const HEADER_BYTES = 5;
const AUDIO = 'A'.charCodeAt(0);
const EVENT = 'E'.charCodeAt(0);
/** sotto-mic writes no larger frame. */
const MAX_FRAME_BYTES = 1 << 20;

export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  /**
   * The frames that are complete with these bytes, however the bytes were split.
   * @throws SottoError MIC_UNAVAILABLE for bytes that aren't frames
   */
  *read(bytes: Buffer): Generator<MicFrame, void> {
    let rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    // Cleared first, so that nothing is read twice after an error.
    this.#rest = Buffer.alloc(0);
    while (rest.length >= HEADER_BYTES) {
      const length = rest.readUInt32LE(1);
      const kind = rest[0];
      if (
        (kind !== AUDIO && kind !== EVENT) ||
        length > MAX_FRAME_BYTES ||
        (kind === AUDIO && length % 2 === 1)
      )
        throw new SottoError('MIC_UNAVAILABLE', 'sotto-mic wrote invalid data', {
          hint: 'reinstall Sotto',
        });
      const end = HEADER_BYTES + length;
      if (rest.length < end) break;
      const content = rest.subarray(HEADER_BYTES, end);
      rest = rest.subarray(end);
      yield kind === AUDIO
        ? { kind: 'audio', samples: samplesOf(content) }
        : { kind: 'event', json: content.toString('utf8') };
    }
    this.#rest = rest;
  }
}

function samplesOf(bytes: Buffer): Int16Array {
  const samples = new Int16Array(bytes.length / 2);
  for (let i = 0; i < samples.length; i++) samples[i] = bytes.readInt16LE(2 * i);
  return samples;
}
