/**
 * Audio over the socket, as binary frames:
 *
 *     0  u32  channel of the `opened` message
 *     4  u64  number of the first sample in the session
 *    12   …   samples, s16le mono 16 kHz
 */
import { SottoError } from './errors.js';
import { BYTES_PER_SAMPLE } from './live.js';
import { LIMITS } from './version.js';

const HEADER_BYTES = 12;

export interface AudioFrame {
  readonly channel: number;
  readonly firstSample: number;
  readonly pcm: Uint8Array;
}

/**
 * @example
 * socket.send(encodeAudioFrame({ channel, firstSample: 0, pcm: new Uint8Array(samples.buffer) })); // Int16Array
 */
export function encodeAudioFrame({ channel, firstSample, pcm }: AudioFrame): Uint8Array {
  const frame = new Uint8Array(HEADER_BYTES + pcm.byteLength);
  const view = new DataView(frame.buffer);
  view.setUint32(0, channel, true);
  view.setBigUint64(4, BigInt(firstSample), true);
  frame.set(pcm, HEADER_BYTES);
  return frame;
}

/** @throws SottoError PROTOCOL */
export function parseAudioFrame(frame: Uint8Array): AudioFrame {
  if (frame.byteLength > LIMITS.maxAudioFrameBytes) {
    const message = `an audio frame of ${frame.byteLength} bytes is larger than ${LIMITS.maxAudioFrameBytes}`;
    throw new SottoError('PROTOCOL', message);
  }
  const pcmBytes = frame.byteLength - HEADER_BYTES;
  if (pcmBytes <= 0 || pcmBytes % BYTES_PER_SAMPLE !== 0) {
    throw new SottoError('PROTOCOL', `an audio frame of ${frame.byteLength} bytes holds no whole samples`);
  }
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const first = view.getBigUint64(4, true);
  if (first > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new SottoError('PROTOCOL', 'an audio frame begins behind the end of time');
  }
  return { channel: view.getUint32(0, true), firstSample: Number(first), pcm: frame.subarray(HEADER_BYTES) };
}
