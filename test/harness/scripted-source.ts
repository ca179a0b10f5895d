/** An audio source whose samples a test emits. */
import type { AudioSource, SourceListener } from '#daemon/capture/audio-source.js';
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

  /** Resolves when a listener is attached. */
  async isListening(): Promise<void> {
    await until(() => this.#listener !== undefined);
  }

  emit(samples: Int16Array): void {
    this.#listener?.pcm(samples);
  }
}
