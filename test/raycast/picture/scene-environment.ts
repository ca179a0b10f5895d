/**
 * The environment of a picture: the built extension with the real command, daemon and starter model in a temporary home.
 * The microphone plays clips of `assets/speech`.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openAudio } from '#daemon/audio/decode-file.js';
import { bundledSpeech } from '#daemon/paths.js';
import { History, type StoredDictation } from '#daemon/store/history/index.js';
import { launcher, sotto } from '#test/harness/run-sotto.js';
import { scriptedMicrophone } from '#test/harness/scripted-microphone.js';
import { stopAll } from '#test/harness/stop-all.js';
import { tempHome, type TempHome } from '#test/harness/temp-home.js';
import { wavHead } from '#test/harness/wav-head.js';
import type { BuiltExtension } from '../build-extension.js';
import { commandOf } from '../manifest.js';
import type { Frame, ToastFrame } from './frame.js';
import { RaycastHost } from '../raycast-host.js';
import type { RunningCommand } from '../running-command.js';
import { defined } from '#daemon/protocol/defined.js';

/** A Mac with 24 GB and a GPU, whatever machine draws the pictures. */
const MACHINE = '24GB,gpu';
const SAMPLE_RATE = 16_000;
/** Between two clips. */
const PAUSE_SAMPLES = 0.35 * SAMPLE_RATE;
/** After the speech, so that the dictation does not end before the picture is drawn. */
const TRAILING_SILENCE_SECONDS = 60;

/** Clips of one page of an audiobook. */
export const READING: readonly string[] = ['austen-0870.flac', 'austen-0920.flac', 'austen-0930.flac'];

export class SceneEnvironment {
  readonly home: TempHome = tempHome();
  readonly icon: string;
  readonly #built: BuiltExtension;
  readonly #hosts: RaycastHost[] = [];

  constructor(built: BuiltExtension) {
    this.#built = built;
    this.icon = 'icon.png';
    // Use the starter model, not the fake one of `tempHome`.
    writeFileSync(this.home.paths.settings, '{}');
    rmSync(this.home.paths.models, { recursive: true });
  }

  /** A Raycast whose microphone plays these clips in real time. */
  async raycast(clips: readonly string[] = READING): Promise<RaycastHost> {
    const samples = await this.#samples(clips);
    const speech = join(this.home.folder, 'speech.s16');
    writeFileSync(speech, samples);
    const mic = {
      devices: ['MacBook Pro Microphone'],
      speech,
      samples: samples.length / 2 + TRAILING_SILENCE_SECONDS * SAMPLE_RATE,
      pauseMs: 100,
    };
    const host = new RaycastHost(this.#built, {
      appearance: 'dark',
      env: {
        SOTTO_HOME: this.home.folder,
        SOTTO_BIN: launcher,
        SOTTO_NODE: process.execPath,
        SOTTO_MACHINE: MACHINE,
        ...scriptedMicrophone(mic, this.home.folder),
      },
    });
    this.#hosts.push(host);
    return host;
  }

  /** Dictates recordings of clips with the real model, which stays loaded. */
  async dictated(...recordings: (readonly string[])[]): Promise<void> {
    const file = join(this.home.folder, 'dictation.wav');
    for (const clips of recordings) {
      await this.record(clips, file);
      await this.sotto(
        'dictate',
        '--from',
        file,
        '--fast',
        '--output',
        join(this.home.folder, 'dictation.txt'),
      );
    }
  }

  /** Adds past dictations without transcribing anything. */
  addToHistory(
    ...dictations: (Pick<StoredDictation, 'text' | 'startedMs'> & Partial<StoredDictation>)[]
  ): void {
    mkdirSync(this.home.paths.recordings, { recursive: true });
    const history = History.open(this.home.paths.history);
    for (const dictation of dictations) {
      history.add({
        ...{ id: String(dictation.startedMs), durationSeconds: 6, language: 'en', state: 'final' },
        ...{ model: 'whisper-large-v3-turbo', ...dictation },
      });
    }
    history.close();
  }

  /** Runs the `sotto` command. */
  async sotto(...args: string[]): Promise<void> {
    const { code, stderr } = await sotto(args, {
      home: this.home.folder,
      realEngine: true,
      env: { SOTTO_MACHINE: MACHINE },
    });
    if (code !== 0) throw new Error(`sotto ${args.join(' ')} ended with ${code}: ${stderr}`);
  }

  /** Writes the concatenated clips as a WAV file. */
  async record(clips: readonly string[], path: string): Promise<void> {
    const samples = await this.#samples(clips);
    writeFileSync(path, Buffer.concat([wavHead(samples.length / 2, SAMPLE_RATE), samples]));
  }

  clip(name: string): string {
    return join(bundledSpeech, name);
  }

  /** The current screen of a command. */
  frame(host: RaycastHost, command: RunningCommand, more: Partial<Frame> = {}): Frame {
    const { tree, name } = command;
    if (tree === undefined) throw new Error(`${name} shows nothing: ${command.output}`);
    const toast = toastOf(host);
    return {
      tree,
      title: commandOf(this.#built.manifest, name).title,
      assets: this.assets,
      icon: this.icon,
      ...defined({ toast }),
      ...more,
    };
  }

  get assets(): string {
    return join(this.#built.folder, 'assets');
  }

  async close(): Promise<void> {
    for (const host of this.#hosts) await host.close();
    await stopAll(this.home.paths);
    this.home.remove();
  }

  /** Concatenated clips as 16-bit samples at 16 kHz, as from a microphone. */
  async #samples(clips: readonly string[]): Promise<Buffer> {
    const pieces: Uint8Array[] = [];
    for (const clip of clips) {
      const audio = await openAudio(this.clip(clip));
      for await (const chunk of audio.samples) pieces.push(new Uint8Array(toPcm(chunk).buffer));
      await audio.close();
      pieces.push(new Uint8Array(PAUSE_SAMPLES * 2));
    }
    return Buffer.concat(pieces);
  }
}

function toPcm(samples: Float32Array): Int16Array {
  return Int16Array.from(samples, (value) => Math.round(Math.max(-1, Math.min(1, value)) * 32_767));
}

/** The visible toast: the last one, unless it was hidden. */
function toastOf(host: RaycastHost): ToastFrame | undefined {
  const last = host.log.filter(({ method }) => method === 'toast' || method === 'hideToast').at(-1);
  return last?.method === 'toast' ? (last.args[0] as ToastFrame) : undefined;
}
