/** Whisper: transcribes a hundred languages and translates them to English. */
import { basename, resolve } from 'node:path';

import { SpectralFrontEnd } from '#daemon/audio/mel/front-end.js';
import { whisperMel } from '#daemon/audio/mel/variants.js';
import type { Capabilities } from '#daemon/protocol/capabilities.js';
import { VoiceActivity } from '#daemon/audio/vad/index.js';
import type { TranscribeOptions } from '#daemon/protocol/transcription.js';

import type { LiveCheckpoint, LiveSpeechOptions } from '../streaming/live-speech.js';
import type { AudioStream, LoadOptions, Recognizer, WarmUpResult } from '../speech-model.js';
import { readConfig, startLoading } from './checkpoint/load-whisper.js';
import { LiveWhisper } from './streaming/live-whisper.js';
import { WhisperTokenizer } from './tokenizer.js';
import { transcribe } from './transcribe.js';
import type { WhisperDeps } from './whisper-transcription.js';
import { whisperCapabilities } from './whisper-capabilities.js';
import { warmUp } from './whisper-warm-up.js';
import { batchRowBytes } from './memory/work-bytes.js';
import { suitsBatch } from './packing/suits-batch.js';
import type { WhisperEvent, WhisperResult } from './whisper-options.js';

export { LANGUAGES, languageCode } from './language/whisper-languages.js';
export type { WhisperConfig } from './whisper-config.js';
export type { WhisperOptions } from './whisper-options.js';

export class WhisperModel implements Recognizer {
  readonly family = 'whisper';
  readonly capabilities: Capabilities;
  readonly weightBytes: number;
  readonly batch: NonNullable<Recognizer['batch']>;

  private constructor(
    readonly name: string,
    readonly deps: WhisperDeps,
  ) {
    this.capabilities = whisperCapabilities(deps.model.config);
    this.weightBytes = deps.model.nbytes;
    this.batch = { rowBytes: () => batchRowBytes(deps.model.config), suits: suitsBatch };
  }

  /**
   * @example
   * const model = await WhisperModel.load('assets/models/whisper-base');
   * for await (const event of model.transcribe(await openAudio('talk.flac'), {}, signal)) console.log(event);
   */
  static async load(dir: string, options: LoadOptions = {}): Promise<WhisperModel> {
    const config = await readConfig(dir);
    const loading = startLoading(dir, config, options);
    // While other cores read and pack the weights, this thread builds the rest.
    const [tokenizer, model, voice, mel] = await allOrNone([
      WhisperTokenizer.load(config),
      loading.then(({ model }) => model),
      loading.then(() => VoiceActivity.load()),
      loading.then(() => new SpectralFrontEnd(whisperMel(config.nMels))),
    ]);
    return new WhisperModel(basename(resolve(dir)), { model, tokenizer, mel, voice });
  }

  transcribe(
    audio: AudioStream,
    options: TranscribeOptions,
    signal: AbortSignal,
  ): AsyncGenerator<WhisperEvent, WhisperResult> {
    return transcribe(this.deps, audio, options, signal);
  }

  stream(options: LiveSpeechOptions, from?: LiveCheckpoint): LiveWhisper {
    return new LiveWhisper(this.deps, options, from);
  }

  warmUp(signal: AbortSignal, onProgress: (fraction: number) => void): Promise<WarmUpResult> {
    return warmUp(this.deps, signal, onProgress);
  }

  dispose(): void {
    this.deps.model.dispose();
    this.deps.mel.dispose();
    this.deps.tokenizer.dispose();
    this.deps.voice.dispose();
  }
}

/** `Promise.all` that disposes the other results if one fails. */
async function allOrNone<T extends readonly { dispose(): void }[]>(parts: {
  [K in keyof T]: Promise<T[K]>;
}): Promise<T> {
  const settled = await Promise.allSettled(parts);
  const failed = settled.find((part) => part.status === 'rejected');
  if (failed === undefined) return Promise.all(parts);
  for (const part of settled) if (part.status === 'fulfilled') part.value.dispose();
  throw failed.reason;
}
