/**
 * The microphone as a source. Not yet run on a Mac or with a real microphone: what is tried is the library over ALSA, with a
 * file in place of the sound card, and all of this with a process that plays the microphone.
 */
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import { SottoError } from '../../protocol/errors.js';
import { PcmProcess, type PcmProcessListener } from '../dictate/pcm-process.js';
import type { OpenSource, Source, SourceListener } from '../dictate/source.js';
import { captureMessageSchema, STOP, type Listen } from './messages.js';
import type { StandbyMicrophone } from './standby.js';

/** The module of the process that holds the microphone. Tests put their own in its place. */
export function captureModule(): string {
  return process.env.SOTTO_CAPTURE ?? fileURLToPath(new URL('./capture.js', import.meta.url));
}

/** Longest waits, in milliseconds. */
export interface MicrophoneWaits {
  /** Until it is open: a headset may be woken for it. */
  readonly openMs: number;
  /** Between two pieces of sound; silence is sound, too. */
  readonly soundMs: number;
  /** After it was told to stop. */
  readonly stopMs: number;
}

const GRACE_MS = 250;
const WAITS: MicrophoneWaits = { openMs: 15_000, soundMs: 3_000, stopMs: 500 };

export interface MicrophoneOptions {
  /** Number, name or part of the name. */
  readonly device?: string;
  /** Whether the system's own takes the place of one that is not connected. */
  readonly orDefault?: boolean;
  /** A process that waits already. */
  readonly standby?: StandbyMicrophone;
  readonly waits?: Partial<MicrophoneWaits>;
}

export class Microphone implements Source {
  readonly live = true;
  readonly paced = true;
  readonly #waits: MicrophoneWaits;
  readonly #opened: Promise<OpenSource>;
  #process: PcmProcess | undefined;
  #failure: SottoError | undefined;
  #stopped = false;
  #over = false;
  #alarm: NodeJS.Timeout | undefined;

  /** Begins to open it: what a command does meanwhile costs no words. */
  constructor(options: MicrophoneOptions = {}) {
    this.#waits = { ...WAITS, ...options.waits };
    this.#opened = this.#begin(options);
    this.#opened.catch(() => undefined);
  }

  open(): Promise<OpenSource> {
    return this.#opened;
  }

  start(listener: SourceListener): void {
    void this.#listen(listener);
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    if (this.#over) return;
    clearTimeout(this.#alarm);
    this.#process?.send(STOP);
    this.#alarm = setTimeout(() => this.#process?.kill(), this.#waits.stopMs);
  }

  #begin({ device, orDefault = false, standby }: MicrophoneOptions): Promise<OpenSource> {
    return new Promise((done, failed) => {
      const give = (error: SottoError): void => {
        this.#failure ??= error;
        failed(this.#failure);
      };
      this.#within(this.#waits.openMs, 'the microphone can’t be opened: it does not answer');
      const asked: Listen = { type: 'listen', orDefault, ...(device !== undefined && { device }) };
      const listener: PcmProcessListener = {
        message: (value) => {
          const message = v.parse(captureMessageSchema, value);
          if (message.type === 'failed') give(SottoError.fromWire(message.error));
          if (message.type !== 'opened') return;
          this.#expectSound();
          const { name, insteadOf } = message;
          done({ name, ...(insteadOf !== undefined && { insteadOf }) });
        },
        over: ({ code, signal, lastWords }) => {
          this.#over = true;
          clearTimeout(this.#alarm);
          if (this.#stopped) {
            failed(new SottoError('CANCELLED', 'stopped before it was open'));
            return;
          }
          const how = signal === null ? `exit code ${code}` : `killed by ${signal}`;
          const why = lastWords === '' ? how : `${how}: ${lastWords}`;
          give(new SottoError('MIC_UNAVAILABLE', `the microphone was lost (${why})`));
        },
      };
      this.#process =
        standby?.take(listener, asked) ??
        new PcmProcess(captureModule(), ['listen', JSON.stringify(asked)], listener);
    });
  }

  async #listen(listener: SourceListener): Promise<void> {
    for await (const samples of this.#process?.samples() ?? []) {
      this.#expectSound();
      listener.pcm(samples);
    }
    await this.#process?.ended;
    clearTimeout(this.#alarm);
    if (this.#failure === undefined || this.#stopped) listener.end();
    else listener.failed(this.#failure);
  }

  #expectSound(): void {
    if (!this.#stopped) this.#within(this.#waits.soundMs, 'no sound comes from the microphone');
  }

  /** Unless it is called again before: the microphone counts as lost. */
  #within(ms: number, otherwise: string): void {
    clearTimeout(this.#alarm);
    const giveUp = (): void => {
      this.#failure ??= new SottoError('MIC_UNAVAILABLE', otherwise);
      this.#process?.kill();
    };
    // After the machine has slept, time is up before the sound that waits is read.
    this.#alarm = setTimeout(() => (this.#alarm = setTimeout(giveUp, GRACE_MS)), ms);
  }
}

/** Names of the microphones, in the order of their numbers. @throws SottoError MIC_UNAVAILABLE */
export function listMicrophones(): Promise<string[]> {
  return new Promise((done, failed) => {
    new PcmProcess(captureModule(), ['list'], {
      message: (value) => {
        const message = v.parse(captureMessageSchema, value);
        if (message.type === 'devices') done(message.names);
        if (message.type === 'failed') failed(SottoError.fromWire(message.error));
      },
      over: ({ lastWords }) =>
        failed(new SottoError('MIC_UNAVAILABLE', `the microphones can't be listed: ${lastWords}`)),
    });
  });
}
