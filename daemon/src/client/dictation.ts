/**
 * A live session for a program. It survives lost connections and daemon restarts: it keeps unacknowledged audio and resends it,
 * and emits each word of the text once.
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
import type { ClientMessage, DaemonMessage } from '../protocol/messages.js';
import type { ClientChannel, SottoClient } from './client.js';
import {
  RECONNECT,
  type DictationEvent,
  type DictationOptions,
  type ReconnectTimes,
} from './dictation-options.js';
import { EventQueue } from '../event-queue.js';
import { EventDeduplicator } from './event-deduplicator.js';
import { SilenceWatch } from './silence-watch.js';
import { SampleStore, type AudioStore } from './sample-store.js';
import { Timers } from './timers.js';
import { defined } from '../protocol/defined.js';

export type { DictationEvent, DictationOptions, ReconnectTimes } from './dictation-options.js';

/** A tenth of a second: little audio is in transit, and messages of the daemon are not delayed much. */
const FRAME_SAMPLES = SAMPLE_RATE / 10;
/** How long a cancelled dictation waits for an answer before it emits `cancelled`; the attempts to reach a daemon continue. */
const CANCEL_TIMEOUT_MS = 2_000;
/** A connection that lasts this long counts as progress. */
const MIN_STABLE_MS = 2_000;
/** A daemon answers at once; after this time the session tries another connection. */
const OPEN_TIMEOUT_MS = 10_000;
/** Errors of a connection attempt after which a retry may succeed. */
const TRANSIENT_CODES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'DAEMON_UNAVAILABLE',
  'DAEMON_LOST',
  'BUSY',
]);

const IN_HISTORY = 'the text until then is kept: find it with `sotto history`';

export class Dictation {
  readonly id: string;
  /** Resolves when the session is open, or has ended before. */
  readonly ready: Promise<void>;
  readonly #dictationOptions: DictationOptions;
  readonly #times: ReconnectTimes;
  readonly #store: AudioStore;
  readonly #queue = new EventQueue<DictationEvent>();
  readonly #deduplicator = new EventDeduplicator();
  readonly #waitingForAcknowledgement = new Set<() => void>();
  #settleReady: () => void = () => undefined;
  #channel: ClientChannel | undefined;
  #client: SottoClient | undefined;
  /** Whether a daemon may know the session. */
  #isRequested = false;
  #isCancelUnacknowledged = false;
  /** The last event was emitted, but no daemon has acknowledged the cancel yet. */
  #isDiscarding = false;
  /** Since when no connection has made progress. */
  #stuckSinceMs: number | undefined;
  #openedMs = Infinity;
  /** Set while the session is open on this connection. */
  #audioChannel: number | undefined;
  #next = 0;
  #acknowledged = 0;
  #opened = false;
  /** The last switch, until the daemon answers it. */
  #switch: Omit<Extract<ClientMessage, { type: 'switch' }>, 'type' | 'id'> | undefined;
  #switches = 0;
  /** The last request of the user. */
  #ending: 'finish' | 'cancel' | undefined;
  #finishSent = false;
  #firstSentMs: number | undefined;
  readonly #silence: SilenceWatch;
  #lostSinceMs: number | undefined;
  /** Connection attempts since the last progress. */
  #attempts = 0;
  #isTooLong = false;
  #cancelSinceMs = Infinity;
  readonly #timers = new Timers();

  private constructor(dictationOptions: DictationOptions, store: AudioStore) {
    this.#dictationOptions = dictationOptions;
    this.id = dictationOptions.id ?? randomUUID();
    this.#times = { ...RECONNECT, ...dictationOptions.reconnect };
    this.#store = store;
    this.#silence = new SilenceWatch(this.#timers, this.#times.silentMs, () =>
      this.#reconnect(new SottoError('DAEMON_LOST', 'the daemon isn’t responding')),
    );
    this.ready = new Promise((resolve) => (this.#settleReady = resolve));
    void this.#connect();
  }

  static open(options: DictationOptions, store: AudioStore = new SampleStore()): Dictation {
    return new Dictation(options, store);
  }

  /** Samples that the daemon has on disk, so that no crash loses them. */
  get acknowledgedSamples(): number {
    return this.#acknowledged;
  }

  /** When the first sample was sent, by `performance.now()`. */
  get firstSentMs(): number | undefined {
    return this.#firstSentMs;
  }

  /** Appends 16 kHz mono. Never waits or throws; the audio is kept until acknowledged. Ignored after `finish` or `cancel`. */
  push(pcm: Int16Array): void {
    if (this.#ending !== undefined || this.#queue.over) return;
    this.#store.append(pcm);
    // Drops sent but unacknowledged audio: a session that can't be resumed is better than none.
    if (this.#store.isFull) this.#store.releaseBefore(this.#next);
    if (this.#store.isFull) {
      const minutes = Math.round((this.#store.end - this.#store.start) / SAMPLE_RATE / 60);
      this.#fail(new SottoError('DAEMON_LOST', `the daemon has not read any audio for ${minutes} minutes`));
      return;
    }
    this.#pump();
  }

  /** Sends what was appended to the store. */
  send(): void {
    this.#pump();
  }

  /**
   * Transcribes everything again with another model or other options, once that model is ready; ends with the event
   * `switched` or `switch-failed`. A later switch replaces it.
   */
  switch(to: Pick<DictationOptions, 'model' | 'options'>): void {
    if (this.#ending === 'cancel' || this.#queue.over) return;
    this.#switch = { ...to, request: ++this.#switches };
    this.#sendSwitch();
  }

  #sendSwitch(): void {
    if (this.#switch !== undefined && this.#audioChannel !== undefined)
      this.#channel?.send({ ...this.#switch, type: 'switch', id: this.id });
  }

  /** Ends the audio and requests the final text. */
  finish(): void {
    if (this.#ending !== undefined || this.#queue.over) return;
    this.#ending = 'finish';
    this.#pump();
  }

  /** Discards audio and text. */
  cancel(): void {
    if (this.#ending === 'cancel' || this.#queue.over) return;
    this.#ending = 'cancel';
    this.#cancelSinceMs = performance.now();
    if (!this.#isRequested) {
      this.#emit({ type: 'cancelled' });
      return;
    }
    if (this.#audioChannel === undefined) this.#reportUnacknowledgedCancel();
    else this.#channel?.send({ type: 'cancel', id: this.id });
    this.#timers.after(CANCEL_TIMEOUT_MS, () => {
      if (this.#isDone) return;
      this.#reportUnacknowledgedCancel();
      this.#isDiscarding = true;
      this.#emit({ type: 'cancelled' });
      // This connection got the cancel but no answer, so another one is tried.
      if (this.#audioChannel !== undefined)
        this.#reconnect(new SottoError('DAEMON_LOST', 'no answer to a cancel'));
    });
  }

  /**
   * Leaves the session to the daemon, which finishes it with the audio that it has and stores the text in the history. Ends the
   * events.
   * @returns whether a daemon has any audio of it
   */
  leave(): boolean {
    if (this.#queue.over) return false;
    if (this.#ending === 'cancel') {
      this.#isDiscarding = true;
      this.#queue.end();
      this.#callWaiting();
      return false;
    }
    const isWithDaemon = this.#audioChannel !== undefined || this.#acknowledged > 0;
    if (this.#audioChannel !== undefined) {
      this.#channel?.send({ type: 'finish', id: this.id, samples: this.#next, left: true });
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

  /** Whether the session has ended for the caller and for the daemon. */
  get #isDone(): boolean {
    return this.#queue.over && !this.#isDiscarding;
  }

  /** Resolves when at most `samples` are unacknowledged, or the session has ended. */
  async untilUnacknowledged(samples: number): Promise<void> {
    while (!this.#queue.over && this.#store.end - this.#acknowledged > samples) {
      await new Promise<void>((resolve) => this.#waitingForAcknowledgement.add(resolve));
    }
  }

  /**
   * Yields all events; may be called once. The last event is `final`, `cancelled` or `failed`; nothing is thrown. Ending the
   * iteration earlier is the same as `leave`.
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
          if (!TRANSIENT_CODES.has(error.code) || this.#hasTimedOut(this.#cancelSinceMs))
            this.#endDiscarding();
          continue;
        }
        // Without an open session nothing can be lost, so the caller decides what to do.
        if (this.#lostSinceMs === undefined) this.#fail(error);
        else if (!TRANSIENT_CODES.has(error.code) || this.#hasTimedOut(this.#lostSinceMs)) {
          this.#fail(this.#sessionLost(error));
        }
      }
    }
  }

  #hasTimedOut(sinceMs: number): boolean {
    return performance.now() - sinceMs > this.#times.giveUpMs;
  }

  #pauseMs(): number {
    const { firstPauseMs, longestPauseMs } = this.#times;
    return Math.min(firstPauseMs * 2 ** Math.min(this.#attempts - 1, 16), longestPauseMs);
  }

  #attach(client: SottoClient): void {
    this.#isRequested = true;
    const channel = client.channel(this.id, {
      receive: (message) => this.#channel === channel && this.#receive(message),
      lost: (error) => this.#channel === channel && this.#reconnect(error),
    });
    this.#channel = channel;
    this.#timers.after(OPEN_TIMEOUT_MS, () => {
      if (this.#channel === channel && this.#audioChannel === undefined) {
        this.#reconnect(new SottoError('DAEMON_LOST', 'the daemon isn’t responding'));
      }
    });
    if (this.#ending === 'cancel') channel.send({ type: 'discard', id: this.id });
    else if (this.#opened || this.#lostSinceMs !== undefined) {
      channel.send({ type: 'resume', id: this.id, seq: this.#deduplicator.seq });
    } else this.#sendOpen();
  }

  #sendOpen(): void {
    const { model, options } = this.#dictationOptions;
    const hasRecording = this.#store.hasFile ? true : undefined;
    this.#channel?.send({ type: 'open', id: this.id, ...defined({ hasRecording, model, options }) });
  }

  #reconnect(why: SottoError): void {
    if (this.#ending === 'cancel') this.#reportUnacknowledgedCancel();
    this.#channel?.close();
    this.#channel = undefined;
    this.#audioChannel = undefined;
    this.#silence.received();
    this.#finishSent = false;
    if (this.#lostSinceMs === undefined) {
      this.#lostSinceMs = performance.now();
      this.#emit({ type: 'connection', state: 'lost' });
    }
    this.#closeClient();
    // Connections without progress count as failed attempts.
    if (performance.now() - this.#openedMs > MIN_STABLE_MS) this.#progressed();
    this.#openedMs = Infinity;
    this.#stuckSinceMs ??= performance.now();
    if (this.#ending === 'cancel') {
      if (this.#hasTimedOut(this.#cancelSinceMs)) this.#endDiscarding();
      else void this.#connect();
    } else if (this.#hasTimedOut(this.#lostSinceMs) || this.#hasTimedOut(this.#stuckSinceMs)) {
      this.#fail(this.#sessionLost(why));
    } else void this.#connect();
  }

  /** Gives up on reaching a daemon. The marker of `onUnacknowledgedCancel` remains, if there is one. */
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
    this.#silence.received();
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
          // The daemon finished before it got the cancel, so the result must be discarded.
          else this.#channel?.send({ type: 'discard', id: this.id });
          return;
        }
        if (event?.type === 'switched' || event?.type === 'switch-failed') {
          // Of an earlier request.
          if (event.request !== this.#switch?.request) return;
          this.#switch = undefined;
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
        this.#fail(new SottoError('PROTOCOL', `the daemon sent \`${message.type}\` for a dictation`));
    }
  }

  #onOpened({ acknowledged, channel, model, fallbackFor }: Extract<DaemonMessage, { type: 'opened' }>): void {
    if (acknowledged < this.#store.start) {
      this.#fail(this.#sessionLost(new SottoError('DAEMON_LOST', 'the daemon has lost acknowledged audio')));
      return;
    }
    this.#audioChannel = channel;
    this.#openedMs = performance.now();
    this.#next = acknowledged;
    this.#onAcknowledged(acknowledged);
    if (!this.#opened) this.#emit({ type: 'opened', model, ...defined({ fallbackFor }) });
    this.#opened = true;
    this.#settleReady();
    if (this.#lostSinceMs !== undefined) {
      this.#lostSinceMs = undefined;
      this.#emit({ type: 'connection', state: 'restored' });
    }
    this.#sendSwitch();
    this.#pump();
  }

  #onAcknowledged(samples: number): void {
    if (samples > this.#store.end) {
      this.#fail(new SottoError('PROTOCOL', 'the daemon acknowledged more audio than was sent'));
      return;
    }
    if (samples > this.#acknowledged) this.#progressed();
    this.#acknowledged = Math.max(this.#acknowledged, samples);
    this.#store.releaseBefore(samples);
    this.#callWaiting();
  }

  /** The daemon refused a request. */
  #refused(error: SottoError): void {
    // The daemon is stopping; another one may start soon.
    if (error.code === 'DAEMON_UNAVAILABLE') this.#reconnect(error);
    else if (this.#ending === 'cancel') {
      if (error.code === 'SESSION_NOT_FOUND') this.#endCancelled();
      else this.#endDiscarding();
    } else if (error.code !== 'SESSION_NOT_FOUND') this.#fail(error);
    else if (this.#store.start > 0 || (this.#opened && this.#store.hasFile))
      this.#fail(this.#sessionLost(error));
    else {
      // The daemon died before it had audio on disk; this buffer still has all of it.
      this.#deduplicator.restart();
      this.#sendOpen();
    }
  }

  /** Sends unsent audio as far as the socket accepts it. */
  readonly #pump = (): void => {
    const channel = this.#channel;
    const audioChannel = this.#audioChannel;
    if (channel === undefined || audioChannel === undefined || this.#queue.over) return;
    if (this.#ending === 'cancel') {
      channel.send({ type: 'cancel', id: this.id });
      return;
    }
    if (this.#next < this.#store.samplesInFile) {
      this.#next = this.#store.samplesInFile;
      channel.send({ type: 'recorded', id: this.id, samples: this.#next });
      this.#sent();
    }
    while (this.#next < this.#store.end) {
      const pcm = this.#store.read(this.#next, FRAME_SAMPLES);
      if (
        !channel.sendAudio(
          encodeAudioFrame({ channel: audioChannel, firstSample: this.#next, pcm }),
          this.#pump,
        )
      )
        return;
      this.#sent();
      this.#next += pcm.length / 2;
    }
    if (this.#ending !== 'finish' || this.#finishSent) return;
    channel.send({ type: 'finish', id: this.id, samples: this.#store.end });
    this.#finishSent = true;
  };

  #sent(): void {
    this.#firstSentMs ??= performance.now();
    this.#silence.sent();
  }

  /** The daemon finishes a session whose client is disconnected for too long, although the client may still be recording. */
  #warnOfRest(durationSeconds: number): void {
    if (this.#isTooLong) return;
    const restSeconds = this.#store.end / SAMPLE_RATE - durationSeconds;
    if (restSeconds < 0.5) return;
    const message = `the connection was lost for too long: the last ${restSeconds.toFixed(1)} s were not transcribed`;
    this.#emit({ type: 'warning', error: new SottoError('DAEMON_LOST', message).toWire() });
  }

  #sessionLost(cause: SottoError): SottoError {
    return new SottoError('DAEMON_LOST', `the session can't continue: ${cause.message}`, {
      hint: this.#acknowledged > 0 ? IN_HISTORY : codeInfo('DAEMON_LOST').hint,
      cause,
    });
  }

  /** A daemon has acknowledged the cancel. */
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
    // A slow reader needs only the newest display event of each type.
    if (live && !isNumbered(event)) this.#queue.drop(({ type }) => type === event.type);
    this.#queue.push(event);
    if (!live || !isTerminal(event)) return;
    this.#queue.end();
    if (!this.#isDiscarding) this.#release();
  }

  #release(): void {
    this.#timers.clear();
    this.#settleReady();
    this.#channel?.close();
    this.#channel = undefined;
    this.#audioChannel = undefined;
    this.#closeClient();
    this.#callWaiting();
  }

  #callWaiting(): void {
    const waiting = [...this.#waitingForAcknowledgement];
    this.#waitingForAcknowledgement.clear();
    for (const call of waiting) call();
  }
}
