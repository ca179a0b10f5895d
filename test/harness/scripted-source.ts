/** A microphone that hears what a test says, from when it is listened to. */
import type { AudioSource, SourceListener } from '#daemon/cli/dictate/audio-source.js';
import { until } from './wait.js';

export class ScriptedSource implements AudioSource {
  readonly isLive = true;
  readonly isRealTime = true;
  #listener: SourceListener | undefined;

  open(): Promise<{ name: string }> {
    return Promise.resolve({ name: 'Built-in' });
  }

  start(listener: SourceListener): void {
    this.#listener = listener;
  }

  stop(): void {
    this.#listener?.end();
  }

  /** Resolves once somebody listens. */
  async isListening(): Promise<void> {
    await until(() => this.#listener !== undefined);
  }

  emit(samples: Int16Array): void {
    this.#listener?.pcm(samples);
  }
}
