/**
 * The microphone as a source. Not yet run on a Mac or with a real microphone: what is tried is sotto-mic over ALSA, with a file
 * in place of the sound card, and with a script in place of the system's devices.
 */
import { SottoError } from '../../protocol/errors.js';
import { trace } from '../../trace.js';
import type { AudioSourceInfo, AudioSource, SourceListener } from '../dictate/audio-source.js';
import { chooseDevice, chooseOrDefault, DEFAULT_DEVICE } from './choose-device.js';
import { microphoneError } from './mic-errors.js';
import { LIST, OPEN, STOP, type OpenRequest, type MicEvent } from './mic-messages.js';
import { MicProcess, type MicListener } from './mic-process.js';
import type { StandbyMicrophone } from './standby.js';
import { To16k } from './to-16k.js';
import { defined } from '../../protocol/defined.js';

/** Longest waits, in milliseconds. */
export interface MicrophoneTimeouts {
  /** Until it is open: a headset may be woken for it. */
  readonly openMs: number;
  /** Between two pieces of sound; silence is sound, too. sotto-mic says sooner that a device is lost: this is for sotto-mic. */
  readonly audioMs: number;
  /** After it was told to stop. */
  readonly stopMs: number;
}

const GRACE_MS = 250;
const TIMEOUTS: MicrophoneTimeouts = { openMs: 15_000, audioMs: 3_000, stopMs: 500 };

interface MicrophoneOptions {
  /** Number, name or part of the name. */
  readonly device?: string;
  /** Whether the system's own takes the place of one that is not connected. */
  readonly orDefault?: boolean;
  /** A process that waits already. */
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
  /** What came before anybody listened. */
  #early: Int16Array[] = [];
  #failure: SottoError | undefined;
  #stopped = false;
  #exited = false;
  #timeout: NodeJS.Timeout | undefined;

  /** Begins to open it: what a command does meanwhile costs no words. */
  constructor({ device, orDefault = false, standby, timeouts }: MicrophoneOptions = {}) {
    this.#timeouts = { ...TIMEOUTS, ...timeouts };
    this.#request = { orDefault, ...defined({ device }) };
    this.#settle = { done: () => undefined, failed: () => undefined };
    this.#opened = new Promise((done, failed) => (this.#settle = { done, failed }));
    this.#opened.catch(() => undefined);
    this.#startTimeout(this.#timeouts.openMs, 'the microphone can’t be opened: it does not answer');
    const waiting = standby?.handOver();
    waiting?.setListener(this);
    this.#process = waiting ?? new MicProcess(this);
    // Only where one was named: to ask for all of them takes time, in which nothing is heard.
    this.#process.send(device === undefined ? OPEN : LIST);
  }

  open(): Promise<AudioSourceInfo> {
    return this.#opened;
  }

  start(listener: SourceListener): void {
    this.#listener = listener;
    // Not while the caller is still at it.
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

  /** What the converter still holds. */
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

  /** The first failure is the reason; those that follow come of it. */
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
    if (!this.#stopped) this.#startTimeout(this.#timeouts.audioMs, 'no sound comes from the microphone');
  }

  /** Unless it is called again before: the microphone counts as lost. */
  #startTimeout(ms: number, message: string): void {
    clearTimeout(this.#timeout);
    const giveUp = (): void => {
      this.#fail(new SottoError('MIC_UNAVAILABLE', message));
      this.#process.kill();
    };
    // After the machine has slept, time is up before the sound that waits is read.
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
        failed(
          error ?? new SottoError('MIC_UNAVAILABLE', 'the microphones can’t be listed: sotto-mic ended'),
        ),
    });
    request.send(LIST);
  });
}
