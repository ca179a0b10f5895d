/**
 * A microphone that reconnects. If it is lost during a dictation (a headset is removed, the audio system restarts),
 * it is opened again, or the system default instead. It can also be switched to another microphone.
 */
import type { Clock, Timer } from '../clock.js';
import { SottoError } from '../protocol/errors.js';
import { SAMPLE_RATE } from '../protocol/live.js';
import type { AudioSourceInfo, AudioSource, SourceListener } from './audio-source.js';

/** Delays before the tries; after the last one the microphone counts as lost. */
const RETRY_DELAYS_MS = [200, 400, 800, 1_600, 3_200];
/** After so much audio the connection counts as stable and the tries start over. */
const STABLE_SAMPLES = 30 * SAMPLE_RATE;

interface ReconnectingSourceDeps {
  /** Starts to open a source. */
  readonly open: (device: string | undefined) => AudioSource;
  readonly device?: string;
  readonly clock: Clock;
  /** The microphone was lost and is tried again. */
  readonly onLost: (error: SottoError) => void;
  /** A microphone is open again. */
  readonly onOpened: (opened: AudioSourceInfo) => void;
}

export class ReconnectingSource implements AudioSource {
  readonly isLive: boolean;
  readonly isRealTime: boolean;
  readonly #deps: ReconnectingSourceDeps;
  #device: string | undefined;
  #inner: AudioSource;
  #listener: SourceListener | undefined;
  #tries = 0;
  #receivedSamples = 0;
  #stopped = false;
  #retryTimer: Timer | undefined;

  /** @param first a source that is already being opened */
  constructor(deps: ReconnectingSourceDeps, first?: AudioSource) {
    this.#deps = deps;
    this.#device = deps.device;
    this.#inner = first ?? deps.open(deps.device);
    this.isLive = this.#inner.isLive;
    this.isRealTime = this.#inner.isRealTime;
  }

  /**
   * Resolves with the latest source: it may be switched meanwhile.
   * @throws SottoError at once: a microphone that can't be opened at the start is reported, not retried
   */
  async open(): Promise<AudioSourceInfo> {
    for (;;) {
      const inner = this.#inner;
      const opened = await inner.open().catch((thrown: unknown) => SottoError.from(thrown));
      if (inner !== this.#inner) continue;
      if (opened instanceof SottoError) throw opened;
      return opened;
    }
  }

  start(listener: SourceListener): void {
    this.#listener = listener;
    this.#listen();
  }

  stop(): void {
    this.#stopped = true;
    if (this.#retryTimer === undefined) {
      this.#inner.stop();
      return;
    }
    // Between two tries no source is open that could report the end.
    this.#retryTimer.cancel();
    this.#retryTimer = undefined;
    this.#listener?.end();
  }

  /** Switches to another microphone. Audio that this one has already recorded still arrives. */
  change(device: string | undefined): void {
    if (this.#stopped || !this.isLive) return;
    this.#device = device;
    this.#tries = 0;
    const before = this.#inner;
    this.#inner = this.#deps.open(device);
    before.stop();
    this.#retryTimer?.cancel();
    this.#retryTimer = undefined;
    // Before the start, `open` continues with the new source.
    if (this.#listener !== undefined) void this.#reopen();
  }

  #listen(): void {
    const inner = this.#inner;
    const isCurrent = (): boolean => inner === this.#inner;
    inner.start({
      pcm: (samples) => {
        this.#receivedSamples += samples.length;
        if (this.#receivedSamples > STABLE_SAMPLES) this.#tries = 0;
        this.#listener?.pcm(samples);
      },
      end: () => {
        if (isCurrent()) this.#listener?.end();
      },
      failed: (error) => {
        if (isCurrent()) this.#lost(error);
      },
    });
  }

  #lost(error: SottoError): void {
    const pauseMs = RETRY_DELAYS_MS[this.#tries];
    if (this.#stopped) this.#listener?.end();
    else if (!this.isLive || pauseMs === undefined || error.code !== 'MIC_UNAVAILABLE')
      this.#listener?.failed(error);
    else {
      this.#tries += 1;
      this.#receivedSamples = 0;
      this.#deps.onLost(error);
      this.#retryTimer = this.#deps.clock.after(pauseMs, () => {
        this.#retryTimer = undefined;
        this.#inner = this.#deps.open(this.#device);
        void this.#reopen();
      });
    }
  }

  async #reopen(): Promise<void> {
    const inner = this.#inner;
    try {
      const opened = await inner.open();
      if (inner !== this.#inner) return;
      this.#deps.onOpened(opened);
      this.#listen();
    } catch (thrown) {
      if (inner === this.#inner) this.#lost(SottoError.from(thrown));
    }
  }
}
