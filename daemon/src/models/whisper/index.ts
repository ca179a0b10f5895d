/** Whisper: speech to text in a hundred languages, and to English out of them. */
import { basename, resolve } from 'node:path';

import { MelTransform } from '#daemon/audio/mel/mel.js';
import { VoiceActivity } from '#daemon/audio/vad/index.js';
import type { TranscribeEvent, TranscribeResult } from '#daemon/protocol/transcription.js';

import type { LiveCheckpoint, LiveSpeech, LiveSpeechOptions } from '../streaming/live-speech.js';
import type { AudioStream, LoadOptions, SpeechModel, WarmUpResult } from '../speech-model.js';
import { readConfig, startLoading } from './checkpoint/load.js';
import { LiveWhisper } from './streaming/live-whisper.js';
import { WhisperTokenizer } from './tokenizer.js';
import type { WhisperOptions } from './settings.js';
import { transcribe } from './transcribe.js';
import type { WhisperDeps } from './transcription.js';
import { warmUp } from './warm-up.js';
import { batchRowBytes } from './memory/work-bytes.js';

export { LANGUAGES, languageCode } from './language/whisper-languages.js';
export type { WhisperConfig } from './config.js';
export type { WhisperOptions } from './settings.js';

export class WhisperModel implements SpeechModel {
  readonly family = 'whisper';
  readonly weightBytes: number;
  readonly batchRowBytes: number;

  private constructor(
    readonly name: string,
    readonly parts: WhisperDeps,
  ) {
    this.weightBytes = parts.model.nbytes;
    this.batchRowBytes = batchRowBytes(parts.model.config);
  }

  /**
   * @example
   * const model = await WhisperModel.load('assets/models/whisper-base');
   * for await (const event of model.transcribe(await openAudio('talk.flac'), {}, signal)) console.log(event);
   */
  static async load(dir: string, options: LoadOptions = {}): Promise<WhisperModel> {
    const config = await readConfig(dir);
    const loading = startLoading(dir, config, options);
    // While the cores read and pack the weights, this thread makes what else there is.
    const [tokenizer, model, voice, mel] = await allOrNone([
      WhisperTokenizer.load(config),
      loading.then(({ model }) => model),
      loading.then(() => VoiceActivity.load()),
      loading.then(() => new MelTransform(config.nMels)),
    ]);
    return new WhisperModel(basename(resolve(dir)), { model, tokenizer, mel, voice });
  }

  transcribe(
    audio: AudioStream,
    options: WhisperOptions,
    signal: AbortSignal,
  ): AsyncGenerator<TranscribeEvent, TranscribeResult> {
    return transcribe(this.parts, audio, options, signal);
  }

  live(options: LiveSpeechOptions, from?: LiveCheckpoint): LiveSpeech {
    return new LiveWhisper(this.parts, options, from);
  }

  warmUp(signal: AbortSignal, onProgress: (fraction: number) => void): Promise<WarmUpResult> {
    return warmUp(this.parts, signal, onProgress);
  }

  dispose(): void {
    this.parts.model.dispose();
    this.parts.mel.dispose();
    this.parts.tokenizer.dispose();
    this.parts.voice.dispose();
  }
}

/** What all of them come to; if some fail, the first of their errors, once the others are disposed of. */
async function allOrNone<T extends readonly { dispose(): void }[]>(parts: {
  [K in keyof T]: Promise<T[K]>;
}): Promise<T> {
  const settled = await Promise.allSettled(parts);
  const failed = settled.find((part) => part.status === 'rejected');
  if (failed === undefined) return Promise.all(parts);
  for (const part of settled) if (part.status === 'fulfilled') part.value.dispose();
  throw failed.reason;
}
