/**
 * The microphone as an audio source. Not yet run on a Mac or with a real microphone: tested is sotto-mic over ALSA
 * with a file instead of the sound card, and with a script instead of the system's devices.
 */
import { SottoError } from '../../protocol/errors.js';
import { trace } from '../../trace.js';
import type { AudioSourceInfo, AudioSource, SourceListener } from '../audio-source.js';
import { chooseDevice, chooseOrDefault, DEFAULT_DEVICE } from './choose-device.js';
import { microphoneError } from './mic-errors.js';
import { LIST, OPEN, STOP, type OpenRequest, type MicEvent } from './mic-messages.js';
import { MicProcess, type MicListener } from './mic-process.js';
import type { StandbyMicrophone } from './standby.js';
import { To16k } from './to-16k.js';
import { defined } from '../../protocol/defined.js';

/** Timeouts in milliseconds. */
export interface MicrophoneTimeouts {
  /** Until it is open, which may have to wake a headset. */
  readonly openMs: number;
  /**
   * Between two chunks of audio, silence included. sotto-mic reports a lost device sooner: this detects a hanging
   * sotto-mic.
   */
  readonly audioMs: number;
  /** After the stop command. */
  readonly stopMs: number;
}

const GRACE_MS = 250;
const TIMEOUTS: MicrophoneTimeouts = { openMs: 15_000, audioMs: 3_000, stopMs: 500 };

interface MicrophoneOptions {
  /** Number, name or part of the name. */
  readonly device?: string;
  /** Whether the system default replaces a device that isn't connected. */
  readonly orDefault?: boolean;
  /** A process that is already waiting. */
  readonly standby?: StandbyMicrophone;
  readonly timeouts?: Partial<MicrophoneTimeouts>;
}

export class Microphone implements AudioSource, MicListener {
  readonly isLive = true;
  readonly isRealTime = true;
  readonly #timeouts: MicrophoneTimeouts;
  readonly #request: OpenRequest;
  readonly #process: MicProcess;
  readonly #opened: Promise<AudioSourceInfo>;
  #settle: { readonly done: (opened: AudioSourceInfo) => void; readonly failed: (error: SottoError) => void };
  #fallbackFor: string | undefined;
  #converter: To16k | undefined;
  #rate: number | undefined;
  #listener: SourceListener | undefined;
  /** Audio that arrived before there was a listener. */
  #early: Int16Array[] = [];
  #failure: SottoError | undefined;
  #stopped = false;
  #exited = false;
  #timeout: NodeJS.Timeout | undefined;

  /** Starts to open the microphone, so that no word is lost while the command loads. */
  constructor({ device, orDefault = false, standby, timeouts }: MicrophoneOptions = {}) {
    this.#timeouts = { ...TIMEOUTS, ...timeouts };
    this.#request = { orDefault, ...defined({ device }) };
    this.#settle = { done: () => undefined, failed: () => undefined };
    this.#opened = new Promise((done, failed) => (this.#settle = { done, failed }));
    this.#opened.catch(() => undefined);
    this.#startTimeout(this.#timeouts.openMs, 'can’t open the microphone: it is not responding');
    const waiting = standby?.handOver();
    waiting?.setListener(this);
    this.#process = waiting ?? new MicProcess(this);
    // Lists the devices only if one was named: that takes time, in which nothing is recorded.
    this.#process.send(device === undefined ? OPEN : LIST);
  }

  open(): Promise<AudioSourceInfo> {
    return this.#opened;
  }

  start(listener: SourceListener): void {
    this.#listener = listener;
    // Deferred until the caller has returned.
    queueMicrotask(() => {
      for (const samples of this.#early.splice(0)) listener.pcm(samples);
      if (this.#exited) this.#end();
    });
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    if (this.#exited) return;
    clearTimeout(this.#timeout);
    this.#process.send(STOP);
    this.#timeout = setTimeout(() => this.#process.kill(), this.#timeouts.stopMs);
  }

  event(event: MicEvent): void {
    switch (event.type) {
      case 'devices':
        this.#choose(event.devices.map(({ name }) => name || 'unnamed'));
        return;
      case 'opened':
        this.#open(event.name || 'the microphone', event.rate);
        return;
      case 'dropped':
        trace('cli', `${event.samples} samples lost: not read in time`);
        return;
      case 'closed':
        this.#flush();
        this.#process.end();
        return;
      case 'failed':
        this.#fail(microphoneError(event));
        this.#flush();
        this.#process.end();
        return;
    }
  }

  audio(samples: Int16Array): void {
    this.#restartAudioTimeout();
    if (this.#converter !== undefined) this.#give(this.#converter.push(samples));
  }

  exited(error: SottoError | undefined): void {
    this.#exited = true;
    clearTimeout(this.#timeout);
    if (this.#stopped) this.#settle.failed(new SottoError('CANCELLED', 'stopped before it was open'));
    else this.#fail(error ?? new SottoError('MIC_UNAVAILABLE', 'the microphone was lost'));
    this.#end();
  }

  #choose(names: readonly string[]): void {
    try {
      const { device: wanted, orDefault } = this.#request;
      const chosen: ReturnType<typeof chooseOrDefault> = orDefault
        ? chooseOrDefault(names, wanted)
        : { device: chooseDevice(names, wanted) };
      this.#fallbackFor = chosen.fallbackFor;
      this.#process.send(chosen.device === DEFAULT_DEVICE ? OPEN : `${OPEN} ${chosen.device}`);
    } catch (error) {
      this.#fail(SottoError.from(error));
      this.#process.end();
    }
  }

  #open(name: string, rate: number): void {
    this.#restartAudioTimeout();
    if (rate !== this.#rate) {
      this.#flush();
      this.#converter = new To16k(rate);
      this.#rate = rate;
    }
    const fallbackFor = this.#fallbackFor;
    this.#settle.done({ name, ...defined({ fallbackFor }) });
  }

  /** Sends what the converter still buffers. */
  #flush(): void {
    const converter = this.#converter;
    this.#converter = undefined;
    this.#rate = undefined;
    if (converter !== undefined) this.#give(converter.flush());
  }

  #give(samples: Int16Array): void {
    if (samples.length === 0) return;
    if (this.#listener === undefined || this.#early.length > 0) this.#early.push(samples);
    else this.#listener.pcm(samples);
  }

  /** The first failure is the reason; later ones follow from it. */
  #fail(error: SottoError): void {
    this.#failure ??= error;
    this.#settle.failed(this.#failure);
  }

  #end(): void {
    if (this.#listener === undefined || this.#early.length > 0) return;
    if (this.#failure === undefined || this.#stopped) this.#listener.end();
    else this.#listener.failed(this.#failure);
  }

  #restartAudioTimeout(): void {
    if (!this.#stopped) this.#startTimeout(this.#timeouts.audioMs, 'no audio comes from the microphone');
  }

  /** Fails with `message` unless it is called again within `ms`. */
  #startTimeout(ms: number, message: string): void {
    clearTimeout(this.#timeout);
    const giveUp = (): void => {
      this.#fail(new SottoError('MIC_UNAVAILABLE', message));
      this.#process.kill();
    };
    // After the machine has slept, the timer fires before the waiting audio is read.
    this.#timeout = setTimeout(() => (this.#timeout = setTimeout(giveUp, GRACE_MS)), ms);
  }
}

/** Names of the microphones, in the order of their numbers. @throws SottoError MIC_UNAVAILABLE */
export function listMicrophones(): Promise<string[]> {
  return new Promise((done, failed) => {
    const request = new MicProcess({
      event: (event) => {
        if (event.type === 'devices') done(event.devices.map(({ name }) => name || 'unnamed'));
        if (event.type === 'failed') failed(microphoneError(event));
        request.end();
      },
      audio: () => undefined,
      exited: (error) =>
        failed(error ?? new SottoError('MIC_UNAVAILABLE', 'can’t list the microphones: sotto-mic exited')),
    });
    request.send(LIST);
  });
}

/** Implements `--list-devices` and returns the exit code. @throws SottoError MIC_UNAVAILABLE */
export async function printMicrophones(): Promise<number> {
  const names = await listMicrophones();
  process.stdout.write(names.map((name, index) => `${index}  ${name}\n`).join(''));
  if (names.length === 0) process.stderr.write('sotto: no microphone is connected\n');
  return names.length === 0 ? 1 : 0;
}
