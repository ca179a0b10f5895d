/**
 * What a picture is taken on: the built extension, the real command, daemon and starter model, in a home that is gone
 * afterwards. The microphone is the only thing that is not real: it hears a clip of `assets/speech`.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openAudio } from '#daemon/audio/decode-file.js';
import { bundledSpeech } from '#daemon/paths.js';
import { launcher, sotto } from '#test/harness/run-sotto.js';
import { stopDaemon } from '#test/harness/stop-daemon.js';
import { tempHome, type TempHome } from '#test/harness/temp-home.js';
import type { BuiltExtension } from './build-extension.js';
import { commandOf } from './manifest.js';
import type { Frame, ToastFrame } from './picture-frame.js';
import { RaycastHost } from './raycast-host.js';
import type { RunningCommand } from './running-command.js';

const microphone = fileURLToPath(new URL('../harness/fake-microphone.js', import.meta.url));
const RATE = 16_000;
/** Sound behind the speech, so that nothing ends by itself while the picture is taken. */
const REST_SECONDS = 60;

export class Stage {
  readonly home: TempHome = tempHome();
  readonly icon: string;
  readonly #built: BuiltExtension;
  readonly #hosts: RaycastHost[] = [];

  constructor(built: BuiltExtension) {
    this.#built = built;
    this.icon = 'icon.png';
    // The starter model, not the one that tests pretend to have.
    writeFileSync(this.home.paths.settings, '{}');
  }

  /** A Raycast whose microphone hears this clip, as fast as it was spoken. */
  async raycast(clip = 'jfk.flac', preferences: Record<string, unknown> = {}): Promise<RaycastHost> {
    const { file, samples } = await this.#spoken(clip);
    const mic = {
      devices: ['MacBook Pro Microphone'],
      speech: file,
      samples: samples + REST_SECONDS * RATE,
      pauseMs: 100,
    };
    const host = new RaycastHost(this.#built, {
      appearance: 'dark',
      preferences,
      env: {
        SOTTO_HOME: this.home.folder,
        SOTTO_BIN: launcher,
        SOTTO_NODE: process.execPath,
        SOTTO_CAPTURE: microphone,
        FAKE_MIC: JSON.stringify(mic),
      },
    });
    this.#hosts.push(host);
    return host;
  }

  /** Runs the command itself. */
  async sotto(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await sotto(args, { home: this.home.folder, realEngine: true });
    if (code !== 0) throw new Error(`sotto ${args.join(' ')} ended with ${code}: ${stderr}`);
    return stdout;
  }

  clip(name: string): string {
    return join(bundledSpeech, name);
  }

  /** What is on a command's screen now. */
  frame(host: RaycastHost, command: RunningCommand, more: Partial<Frame> = {}): Frame {
    const { tree, name } = command;
    if (tree === undefined) throw new Error(`${name} shows nothing: ${command.output}`);
    const toast = toastOf(host);
    return {
      tree,
      title: commandOf(this.#built.manifest, name).title,
      assets: this.assets,
      icon: this.icon,
      ...(toast === undefined ? {} : { toast }),
      ...more,
    };
  }

  get assets(): string {
    return join(this.#built.folder, 'assets');
  }

  async close(): Promise<void> {
    for (const host of this.#hosts) await host.close();
    await stopDaemon(this.home.paths);
    this.home.remove();
  }

  /** The clip as a microphone gives it: 16-bit samples. */
  async #spoken(clip: string): Promise<{ file: string; samples: number }> {
    const audio = await openAudio(this.clip(clip));
    const chunks: Int16Array[] = [];
    for await (const chunk of audio.samples) {
      chunks.push(Int16Array.from(chunk, (value) => Math.round(Math.max(-1, Math.min(1, value)) * 32_767)));
    }
    await audio.close();
    const bytes = Buffer.concat(chunks.map(({ buffer, byteLength }) => Buffer.from(buffer, 0, byteLength)));
    const file = join(this.home.folder, `${clip}.s16`);
    writeFileSync(file, bytes);
    return { file, samples: bytes.length / 2 };
  }
}

/** The toast that is to be seen: the last one, unless it was hidden. */
function toastOf(host: RaycastHost): ToastFrame | undefined {
  const last = host.log.filter(({ what }) => what === 'toast' || what === 'hideToast').at(-1);
  return last?.what === 'toast' ? (last.args[0] as ToastFrame) : undefined;
}
