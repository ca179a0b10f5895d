/** A loaded codec, whatever its network: checks what comes from outside, and leaves the computing to its family. */
import { basename, resolve } from 'node:path';

import type { Capabilities } from '#daemon/protocol/capabilities.js';
import type { Codes, EncodedAudio, EncodeOptions } from '#daemon/protocol/codec.js';
import type * as nn from '#native/nn/index.js';

import { encodeAll } from '../encode-all.js';
import { asDecoder, type AudioCodec, type AudioStream, type WarmUpResult } from '../speech-model.js';
import type { CodecShape } from './codec-shape.js';
import { checkCodes, checkedCodebooks } from './layers/check-codes.js';

/** What a family computes that only encodes. Ending an iteration early frees everything. */
export interface CodecEncoder {
  /** Yields the codes of consecutive frames; returns the number of samples. */
  encode(
    samples: AsyncIterable<Float32Array>,
    codebooks: number,
    signal: AbortSignal,
  ): AsyncGenerator<Codes, number>;
}

/** What a family computes. Codes are checked already; ending an iteration early frees everything. */
export interface CodecRunner extends CodecEncoder {
  decode(encoded: EncodedAudio, signal: AbortSignal): AsyncGenerator<Float32Array, void>;
  /** Checks codes, if there is more to them than the number of codebooks and codes. @throws SottoError INVALID_ARGUMENT */
  check?(encoded: EncodedAudio): void;
}

/** Longer than two chunks of every family. */
const WARM_UP_SECONDS = 2.5;

export class CodecModel implements AudioCodec {
  readonly name: string;
  readonly family: string;
  readonly capabilities: Capabilities;
  readonly weightBytes: number;
  readonly #network: nn.Module;
  readonly #runner: CodecEncoder & Partial<CodecRunner>;
  readonly #shape: CodecShape;

  /** @param network freed with the model */
  constructor(
    dir: string,
    family: string,
    shape: CodecShape,
    network: nn.Module,
    runner: CodecEncoder & Partial<CodecRunner>,
  ) {
    this.name = basename(resolve(dir));
    this.family = family;
    this.capabilities = { codec: shape };
    this.weightBytes = network.parameters().reduce((sum, { nbytes }) => sum + nbytes, 0);
    this.#network = network;
    this.#runner = runner;
    this.#shape = shape;
  }

  async *encode(
    audio: AudioStream,
    { codebooks }: EncodeOptions,
    signal: AbortSignal,
  ): AsyncGenerator<Codes, number> {
    return yield* this.#runner.encode(audio.samples, checkedCodebooks(codebooks, this.#shape), signal);
  }

  async *decode(encoded: EncodedAudio, signal: AbortSignal): AsyncGenerator<Float32Array, void> {
    asDecoder(this);
    if (this.#runner.check) this.#runner.check(encoded);
    else checkCodes(encoded.codes, this.#shape);
    if (this.#runner.decode) yield* this.#runner.decode(encoded, signal);
  }

  /** Encodes and, if it can, decodes silence in several chunks: the first one, those with a state before them, and a short last one. */
  async warmUp(signal: AbortSignal, onProgress: (fraction: number) => void): Promise<WarmUpResult> {
    const { sampleRate } = this.#shape;
    const samples = new Float32Array(Math.round(WARM_UP_SECONDS * sampleRate));
    const audio = { durationSeconds: WARM_UP_SECONDS, samples: once(samples) };
    const encoded = await encodeAll(this, audio, {}, signal);
    if (this.#runner.decode) {
      onProgress(0.5);
      for await (const _ of this.decode(encoded, signal));
    }
    onProgress(1);
    return {};
  }

  dispose(): void {
    this.#network.dispose();
  }
}

async function* once(samples: Float32Array): AsyncGenerator<Float32Array, void> {
  await Promise.resolve();
  yield samples;
}
