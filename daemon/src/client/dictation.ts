/**
 * A session of dictation as a program uses it. It outlives connections and daemons: what is not yet safe with the daemon
 * is kept here and sent again, and each word of the text is told once.
 *
 * @example
 * const dictation = Dictation.open({ connect: () => SottoClient.connect(socketPath, 'my-program') });
 * microphone.on('data', (pcm) => dictation.push(pcm)); // Int16Array, 16 kHz mono
 * button.on('click', () => dictation.finish());
 * for await (const event of dictation.events()) {
 *   if (event.type === 'committed') type(event.text);
 *   if (event.type === 'final') console.log(event.text);
 * }
 */
import { randomUUID } from 'node:crypto';
import { encodeAudioFrame } from '../protocol/audio-frame.js';
import { codeInfo, SottoError, type ErrorCode } from '../protocol/errors.js';
import { isNumbered, isTerminal, SAMPLE_RATE } from '../protocol/live.js';
import type { DaemonMessage } from '../protocol/messages.js';
import type { ClientChannel, SottoClient } from './client.js';
import {
  RECONNECT,
  type DictationEvent,
  type DictationOptions,
  type ReconnectTimes,
} from './dictation-options.js';
import { EventQueue } from './event-queue.js';
import { EventDeduplicator } from './event-deduplicator.js';
import { SampleStore } from './sample-store.js';
import { Timers } from './timers.js';
import { defined } from '../protocol/defined.js';

export type { DictationEvent, DictationOptions, ReconnectTimes } from './dictation-options.js';

/** A tenth of a second: what is lost on the way is little, and a daemon that wants to stop is heard soon. */
const FRAME_SAMPLES = SAMPLE_RATE / 10;
/** So long a cancelled dictation waits for the answer before it ends; the daemon is told all the same. */
const CANCEL_TIMEOUT_MS = 2_000;
/** A connection that lasts for so long is not what keeps the session from going on. */
const MIN_STABLE_MS = 2_000;
/** A daemon that listens answers at once; one that does not by then is asked again over another connection. */
const OPEN_TIMEOUT_MS = 10_000;
/** Failures to connect that may pass. */
const TRANSIENT_CODES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'DAEMON_UNAVAILABLE',
  'DAEMON_LOST',
  'BUSY',
]);

const IN_HISTORY = 'what was said until then is kept: `sotto history` shows it';

export class Dictation {
  readonly id: string;
  /** Settles when the daemon has taken the session, or it is over before. */
  readonly ready: Promise<void>;
  readonly #dictationOptions: DictationOptions;
  readonly #times: ReconnectTimes;
  readonly #store: SampleStore;
  readonly #queue = new EventQueue<DictationEvent>();
  readonly #deduplicator = new EventDeduplicator();
  readonly #waitingForRoom = new Set<() => void>();
  #settleReady: () => void = () => undefined;
  #line: ClientChannel | undefined;
  #client: SottoClient | undefined;
  /** Whether a daemon may know of the session. */
  #isRequested = false;
  #isCancelUnacknowledged = false;
  /** The last event was told; what is left is that a daemon hears of the cancel. */
  #isDiscarding = false;
  /** Since when a connection has brought nothing new. */
  #stuckSinceMs: number | undefined;
  #openedMs = Infinity;
  /** Known while the daemon takes audio over this connection. */
  #channel: number | undefined;
  #next = 0;
  #acknowledged = 0;
  #opened = false;
  /** What the user wants last. */
  #ending: 'finish' | 'cancel' | undefined;
  #finishSent = false;
  #firstSentMs: number | undefined;
  /** When it was first given sound after it had said anything; undefined while it need not speak. */
  #silentSinceMs: number | undefined;
  #isSilenceWatched = false;
  #lostSinceMs: number | undefined;
  /** Connections since the last one that the daemon took the session over. */
  #attempts = 0;
  #isTooLong = false;
  #cancelSinceMs = Infinity;
  readonly #timers = new Timers();

  private constructor(dictationOptions: DictationOptions, store: SampleStore) {
    this.#dictationOptions = dictationOptions;
    this.id = dictationOptions.id ?? randomUUID();
    this.#times = { ...RECONNECT, ...dictationOptions.reconnect };
    this.#store = store;
    this.ready = new Promise((resolve) => (this.#settleReady = resolve));
    void this.#connect();
  }

  static open(options: DictationOptions, store: SampleStore = new SampleStore()): Dictation {
    return new Dictation(options, store);
  }

  /** Samples that the daemon has in its file: no death of a process takes them. */
  get acknowledgedSamples(): number {
    return this.#acknowledged;
  }

  /** When the first sample went out, by the clock of `performance.now()`. */
  get firstSentMs(): number | undefined {
    return this.#firstSentMs;
  }

  /** 16 kHz mono. Kept until the daemon has it; never waits, never throws. After `finish` or `cancel` it is ignored. */
  push(pcm: Int16Array): void {
    if (this.#ending !== undefined || this.#queue.over) return;
    this.#store.append(pcm);
    // What was sent is with the daemon, though not in its file: better a session that can't be resumed than none.
    if (this.#store.full) this.#store.releaseBefore(this.#next);
    if (this.#store.full) {
      const minutes = Math.round((this.#store.end - this.#store.start) / SAMPLE_RATE / 60);
      this.#fail(new SottoError('DAEMON_LOST', `the daemon has not read for ${minutes} minutes`));
      return;
    }
    this.#pump();
  }

  /** All is said. */
  finish(): void {
    if (this.#ending !== undefined || this.#queue.over) return;
    this.#ending = 'finish';
    this.#pump();
  }

  /** Nothing of it is wanted, neither text nor audio. */
  cancel(): void {
    if (this.#ending === 'cancel' || this.#queue.over) return;
    this.#ending = 'cancel';
    this.#cancelSinceMs = performance.now();
    if (!this.#isRequested) {
      this.#emit({ type: 'cancelled' });
      return;
    }
    if (this.#channel === undefined) this.#reportUnacknowledgedCancel();
    else this.#line?.send({ type: 'cancel', id: this.id });
    this.#timers.after(CANCEL_TIMEOUT_MS, () => {
      if (this.#isDone) return;
      this.#reportUnacknowledgedCancel();
      this.#isDiscarding = true;
      this.#emit({ type: 'cancelled' });
      // This connection was told, and has not answered: another one may.
      if (this.#channel !== undefined)
        this.#reconnect(new SottoError('DAEMON_LOST', 'no answer to a cancel'));
    });
  }

  /**
   * Leaves the session to the daemon, which finishes what it has of it, into the history; no more events come.
   * @returns whether a daemon has any of it
   */
  leave(): boolean {
    if (this.#queue.over) return false;
    if (this.#ending === 'cancel') {
      this.#isDiscarding = true;
      this.#queue.end();
      this.#callWaiting();
      return false;
    }
    const isWithDaemon = this.#channel !== undefined || this.#acknowledged > 0;
    if (this.#channel !== undefined) {
      this.#line?.send({ type: 'finish', id: this.id, samples: this.#next, left: true });
    }
    this.#queue.end();
    this.#release();
    return isWithDaemon;
  }

  #reportUnacknowledgedCancel(): void {
    if (this.#isCancelUnacknowledged) return;
    this.#isCancelUnacknowledged = true;
    this.#dictationOptions.onUnacknowledgedCancel?.(this.id);
  }

  /** Whether nothing more is to be done, neither here nor at a daemon. */
  get #isDone(): boolean {
    return this.#queue.over && !this.#isDiscarding;
  }

  /** Settles once no more than `samples` are unacknowledged, or the session is over. */
  async untilUnacknowledged(samples: number): Promise<void> {
    while (!this.#queue.over && this.#store.end - this.#acknowledged > samples) {
      await new Promise<void>((resolve) => this.#waitingForRoom.add(resolve));
    }
  }

  /**
   * To be read once. The last event is one of `final`, `cancelled` and `failed`; nothing is thrown. Whoever leaves the loop
   * earlier leaves the session to the daemon.
   */
  async *events(): AsyncGenerator<DictationEvent, void> {
    try {
      yield* this.#queue.read();
    } finally {
      this.leave();
    }
  }

  async #connect(): Promise<void> {
    while (!this.#isDone) {
      if (this.#attempts > 0)
        await new Promise<void>((resolve) => this.#timers.after(this.#pauseMs(), resolve));
      this.#attempts += 1;
      try {
        const client = await this.#dictationOptions.connect();
        this.#closeClient();
        this.#client = client;
        if (this.#isDone) this.#closeClient();
        else this.#attach(client);
        return;
      } catch (thrown) {
        const error = SottoError.from(thrown);
        if (this.#ending === 'cancel') {
          if (!TRANSIENT_CODES.has(error.code) || this.#outOfTime(this.#cancelSinceMs)) this.#endDiscarding();
          continue;
        }
        // Where no session has begun nothing is at stake, and whoever asked knows better what to do.
        if (this.#lostSinceMs === undefined) this.#fail(error);
        else if (!TRANSIENT_CODES.has(error.code) || this.#outOfTime(this.#lostSinceMs)) {
          this.#fail(this.#sessionLost(error));
        }
      }
    }
  }

  #outOfTime(sinceMs: number): boolean {
    return performance.now() - sinceMs > this.#times.giveUpMs;
  }

  #pauseMs(): number {
    const { firstPauseMs, longestPauseMs } = this.#times;
    return Math.min(firstPauseMs * 2 ** Math.min(this.#attempts - 1, 16), longestPauseMs);
  }

  #attach(client: SottoClient): void {
    this.#isRequested = true;
    const line = client.line(this.id, {
      receive: (message) => this.#line === line && this.#receive(message),
      lost: (error) => this.#line === line && this.#reconnect(error),
    });
    this.#line = line;
    this.#timers.after(OPEN_TIMEOUT_MS, () => {
      if (this.#line === line && this.#channel === undefined) {
        this.#reconnect(new SottoError('DAEMON_LOST', 'the daemon does not answer'));
      }
    });
    if (this.#ending === 'cancel') line.send({ type: 'discard', id: this.id });
    else if (this.#opened || this.#lostSinceMs !== undefined) {
      line.send({ type: 'resume', id: this.id, seq: this.#deduplicator.seq });
    } else this.#sendOpen();
  }

  #sendOpen(): void {
    const { model, options } = this.#dictationOptions;
    const dictationOptions = {
      ...defined({ model, options }),
    };
    this.#line?.send({ type: 'open', id: this.id, ...dictationOptions });
  }

  #reconnect(why: SottoError): void {
    if (this.#ending === 'cancel') this.#reportUnacknowledgedCancel();
    this.#line?.close();
    this.#line = undefined;
    this.#channel = undefined;
    this.#silentSinceMs = undefined;
    this.#finishSent = false;
    if (this.#lostSinceMs === undefined) {
      this.#lostSinceMs = performance.now();
      this.#emit({ type: 'connection', state: 'lost' });
    }
    this.#closeClient();
    // Connections that come about and bring nothing are as bad as none.
    if (performance.now() - this.#openedMs > MIN_STABLE_MS) this.#progressed();
    this.#openedMs = Infinity;
    this.#stuckSinceMs ??= performance.now();
    if (this.#ending === 'cancel') {
      if (this.#outOfTime(this.#cancelSinceMs)) this.#endDiscarding();
      else void this.#connect();
    } else if (this.#outOfTime(this.#lostSinceMs) || this.#outOfTime(this.#stuckSinceMs)) {
      this.#fail(this.#sessionLost(why));
    } else void this.#connect();
  }

  /** What is left then is the mark, where there is one. */
  #endDiscarding(): void {
    this.#reportUnacknowledgedCancel();
    this.#isDiscarding = false;
    this.#emit({ type: 'cancelled' });
    this.#release();
  }

  #closeClient(): void {
    if (this.#dictationOptions.isShared !== true) this.#client?.close();
    this.#client = undefined;
  }

  #progressed(): void {
    this.#stuckSinceMs = undefined;
    this.#attempts = 0;
  }

  #receive(message: DaemonMessage): void {
    this.#silentSinceMs = undefined;
    switch (message.type) {
      case 'opened':
        this.#onOpened(message);
        return;
      case 'acknowledged':
        this.#onAcknowledged(message.samples);
        return;
      case 'live': {
        const event = this.#deduplicator.admit(message.event, message.seq);
        if (event !== undefined && isNumbered(event)) this.#progressed();
        if (this.#ending === 'cancel' && event !== undefined && isTerminal(event)) {
          if (event.type === 'cancelled') this.#endCancelled();
          // It was on its way: the daemon has kept it, and nobody wants it.
          else this.#line?.send({ type: 'discard', id: this.id });
          return;
        }
        if (event?.type === 'warning') this.#isTooLong ||= event.error.code === 'DICTATION_TOO_LONG';
        if (event?.type === 'final') this.#warnOfRest(event.durationSeconds);
        if (event !== undefined) this.#emit(event);
        return;
      }
      case 'discarded':
        this.#endCancelled();
        return;
      case 'error':
        this.#refused(SottoError.fromWire(message.error));
        return;
      default:
        this.#fail(new SottoError('PROTOCOL', `the daemon said \`${message.type}\` about a dictation`));
    }
  }

  #onOpened({ acknowledged, channel, model, fallbackFor }: Extract<DaemonMessage, { type: 'opened' }>): void {
    if (acknowledged < this.#store.start) {
      this.#fail(
        this.#sessionLost(new SottoError('DAEMON_LOST', 'the daemon has lost audio that it had taken')),
      );
      return;
    }
    this.#channel = channel;
    this.#openedMs = performance.now();
    this.#next = acknowledged;
    this.#onAcknowledged(acknowledged);
    const fallback = fallbackFor === undefined ? {} : { fallbackFor };
    if (!this.#opened) this.#emit({ type: 'opened', model, ...fallback });
    this.#opened = true;
    this.#settleReady();
    if (this.#lostSinceMs !== undefined) {
      this.#lostSinceMs = undefined;
      this.#emit({ type: 'connection', state: 'restored' });
    }
    this.#pump();
  }

  #onAcknowledged(samples: number): void {
    if (samples > this.#store.end) {
      this.#fail(new SottoError('PROTOCOL', 'the daemon has taken more audio than there is'));
      return;
    }
    if (samples > this.#acknowledged) this.#progressed();
    this.#acknowledged = Math.max(this.#acknowledged, samples);
    this.#store.releaseBefore(samples);
    this.#callWaiting();
  }

  /** The daemon could not serve what it was asked. */
  #refused(error: SottoError): void {
    // A daemon that is about to end: there may be another one soon.
    if (error.code === 'DAEMON_UNAVAILABLE') this.#reconnect(error);
    else if (this.#ending === 'cancel') {
      if (error.code === 'SESSION_NOT_FOUND') this.#endCancelled();
      else this.#endDiscarding();
    } else if (error.code !== 'SESSION_NOT_FOUND') this.#fail(error);
    else if (this.#store.start > 0) this.#fail(this.#sessionLost(error));
    else {
      // It died before it had any of it in its file: here is still all of it.
      this.#deduplicator.restart();
      this.#sendOpen();
    }
  }

  /** Sends what the daemon has not been sent, as far as it takes it. */
  readonly #pump = (): void => {
    const line = this.#line;
    const channel = this.#channel;
    if (line === undefined || channel === undefined || this.#queue.over) return;
    if (this.#ending === 'cancel') {
      line.send({ type: 'cancel', id: this.id });
      return;
    }
    while (this.#next < this.#store.end) {
      const pcm = this.#store.read(this.#next, FRAME_SAMPLES);
      if (!line.sendAudio(encodeAudioFrame({ channel, firstSample: this.#next, pcm }), this.#pump)) return;
      this.#firstSentMs ??= performance.now();
      this.#silentSinceMs ??= performance.now();
      this.#watchSilence();
      this.#next += pcm.length / 2;
    }
    if (this.#ending !== 'finish' || this.#finishSent) return;
    line.send({ type: 'finish', id: this.id, samples: this.#store.end });
    this.#finishSent = true;
  };

  #watchSilence(forMs = this.#times.silentMs): void {
    if (this.#isSilenceWatched) return;
    this.#isSilenceWatched = true;
    this.#timers.after(forMs, () => {
      this.#isSilenceWatched = false;
      if (this.#silentSinceMs === undefined || this.#channel === undefined) return;
      const restMs = this.#silentSinceMs + this.#times.silentMs - performance.now();
      if (restMs > 0) this.#watchSilence(restMs);
      else this.#reconnect(new SottoError('DAEMON_LOST', 'the daemon does not answer'));
    });
  }

  /** A session that nobody comes back to in time is finished without its client, which may have gone on recording. */
  #warnOfRest(durationSeconds: number): void {
    if (this.#isTooLong) return;
    const restSeconds = this.#store.end / SAMPLE_RATE - durationSeconds;
    if (restSeconds < 0.5) return;
    const message = `the connection was lost for too long: the last ${restSeconds.toFixed(1)} s were not taken`;
    this.#emit({ type: 'warning', error: new SottoError('DAEMON_LOST', message).toWire() });
  }

  #sessionLost(cause: SottoError): SottoError {
    return new SottoError('DAEMON_LOST', `the session can't be gone on with: ${cause.message}`, {
      hint: this.#acknowledged > 0 ? IN_HISTORY : codeInfo('DAEMON_LOST').hint,
      cause,
    });
  }

  /** A daemon says that nothing is left of it. */
  #endCancelled(): void {
    this.#isDiscarding = false;
    this.#emit({ type: 'cancelled' });
    this.#release();
  }

  #fail(error: SottoError): void {
    if (this.#ending === 'cancel') {
      this.#endDiscarding();
      return;
    }
    this.#emit({ type: 'failed', error: error.toWire() });
  }

  #emit(event: DictationEvent): void {
    if (this.#queue.over) return;
    const live = event.type !== 'opened' && event.type !== 'connection';
    // Of what is for display a slow reader needs only the newest.
    if (live && !isNumbered(event)) this.#queue.drop(({ type }) => type === event.type);
    this.#queue.push(event);
    if (!live || !isTerminal(event)) return;
    this.#queue.end();
    if (!this.#isDiscarding) this.#release();
  }

  #release(): void {
    this.#timers.clear();
    this.#settleReady();
    this.#line?.close();
    this.#line = undefined;
    this.#channel = undefined;
    this.#closeClient();
    this.#callWaiting();
  }

  #callWaiting(): void {
    const waiting = [...this.#waitingForRoom];
    this.#waitingForRoom.clear();
    for (const call of waiting) call();
  }
}
