/**
 * A microphone that comes back: one that is lost while somebody speaks (a headset that is taken off, a sound system that
 * starts anew) is opened again, or the system's own in its place. And one can be changed for another in the middle.
 */
import type { Clock, Timer } from '../../clock.js';
import { SottoError } from '../../protocol/errors.js';
import { SAMPLE_RATE } from '../../protocol/live.js';
import type { AudioSourceInfo, AudioSource, SourceListener } from '../dictate/audio-source.js';

/** Before each try; after the last one it is lost for good. */
const RETRY_DELAYS_MS = [200, 400, 800, 1_600, 3_200];
/** One that went on for so long was well: the tries are counted anew. */
const STABLE_SAMPLES = 30 * SAMPLE_RATE;

interface ReconnectingSourceDeps {
  /** Begins to open it. */
  readonly open: (device: string | undefined) => AudioSource;
  readonly device?: string;
  readonly clock: Clock;
  /** It was lost, and is tried again. */
  readonly onLost: (error: SottoError) => void;
  /** It is open again, or another one is. */
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

  /** @param first one that is being opened already */
  constructor(deps: ReconnectingSourceDeps, first?: AudioSource) {
    this.#deps = deps;
    this.#device = deps.device;
    this.#inner = first ?? deps.open(deps.device);
    this.isLive = this.#inner.isLive;
    this.isRealTime = this.#inner.isRealTime;
  }

  /**
   * The one that is wanted last: it may be changed meanwhile.
   * @throws SottoError at once: what can't be opened at the start is to be said, not tried again
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
    // Between two tries there is none that could say that it is over.
    this.#retryTimer.cancel();
    this.#retryTimer = undefined;
    this.#listener?.end();
  }

  /** Another microphone takes the place of this one. What this one has heard still comes. */
  change(device: string | undefined): void {
    if (this.#stopped || !this.isLive) return;
    this.#device = device;
    this.#tries = 0;
    const before = this.#inner;
    this.#inner = this.#deps.open(device);
    before.stop();
    this.#retryTimer?.cancel();
    this.#retryTimer = undefined;
    // Before the start it is `open` that goes on with the new one.
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
