/**
 * The connection of one client of OpenAI's realtime transcription. It processes events one after the other, reads no faster than
 * it can process, and limits what is queued for a slow reader.
 */
import type { RawData, WebSocket } from 'ws';
import type { Clock, Timer } from '../../clock.js';
import type { Logger } from '../../logger.js';
import { SottoError } from '../../protocol/errors.js';
import { codedError } from '../../protocol/file-errors.js';
import { eventIdOf, parseRealtimeEvent, type BetaName, type RealtimeEvent } from '../../protocol/realtime.js';
import type { LiveSessions } from '../../sessions/live/live-sessions.js';
import {
  closeSoon,
  PONG_TIMEOUT_MS,
  MAX_UNREAD_BYTES,
  NORMAL,
  PING_INTERVAL_MS,
  POLICY_VIOLATION,
  textOf,
} from '../websocket.js';
import {
  errorEvent,
  newId,
  RealtimeError,
  toServerEvents,
  sessionEvent,
  type BufferEvent,
  type ServerEvent,
} from './server-events.js';
import { InputBuffer } from './input-buffer.js';
import { PcmConverter } from './pcm-converter.js';
import {
  betaUpdated,
  liveOptionsOf,
  initialSettings,
  realtimeModel,
  turnSettingsOf,
  updated,
  type RealtimeSettings,
} from './session-settings.js';
import { defined } from '../../protocol/defined.js';

/** OpenAI's limit. Audio appended until then is still transcribed. */
const MAX_SESSION_MS = 3600_000;
/** Limit of unprocessed events; further ones wait in the client's socket. */
const INBOX_BYTES = 1024 * 1024;

export interface RealtimeContext {
  readonly live: LiveSessions;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface Greeting {
  /** The `model` of the URL. */
  readonly model: string | undefined;
  /** Name of the session object for a client of the beta. */
  readonly beta: BetaName | undefined;
}

export class RealtimeConnection {
  readonly #socket: WebSocket;
  readonly #context: RealtimeContext;
  readonly #id = newId('sess');
  readonly #expiresAt: number;
  readonly #buffer: InputBuffer;
  readonly #timers: Timer[] = [];
  #settings: RealtimeSettings;
  #beta: BetaName | undefined;
  #converter: PcmConverter;
  /** Undefined: a binary frame. */
  readonly #inbox: (string | undefined)[] = [];
  #inboxBytes = 0;
  /** Resolves when the inbox is empty, or after the current event if the session is ending. */
  #processing: Promise<void> | undefined;
  #ending = false;
  #lastPongMs: number;

  constructor(socket: WebSocket, context: RealtimeContext, { model, beta }: Greeting) {
    const { clock, live, log } = context;
    this.#socket = socket;
    this.#context = context;
    this.#beta = beta;
    this.#settings = initialSettings(model);
    this.#converter = new PcmConverter(this.#settings.format);
    this.#expiresAt = Math.floor((Date.now() + MAX_SESSION_MS) / 1000);
    this.#lastPongMs = clock.nowMs();
    const request = () => {
      const wanted = realtimeModel(this.#settings.transcription?.model);
      return { options: liveOptionsOf(this.#settings), ...defined({ model: wanted }) };
    };
    const notify = (event: BufferEvent): void => this.#notify(event);
    this.#buffer = new InputBuffer({ live, request, notify }, turnSettingsOf(this.#settings));
    socket.on('message', (data, isBinary) => this.#receive(data, isBinary));
    socket.on('pong', () => (this.#lastPongMs = clock.nowMs()));
    // The client violated the WebSocket protocol or a limit; ws closes with the right code itself.
    socket.on('error', (error) => log.warn({ message: error.message }, 'realtime connection error'));
    socket.on('close', () => this.#onClosed());
    this.#timers.push(clock.after(MAX_SESSION_MS, () => void this.#expire()));
    this.#ping(clock.nowMs());
    this.#send(sessionEvent('created', this.#settings, this.#sessionInfo));
  }

  get #sessionInfo() {
    return { id: this.#id, expiresAt: this.#expiresAt, beta: this.#beta };
  }

  #receive(data: RawData, isBinary: boolean): void {
    if (this.#ending) return;
    const text = isBinary ? undefined : textOf(data);
    this.#inbox.push(text);
    this.#inboxBytes += weightOf(text);
    if (this.#inboxBytes > INBOX_BYTES) this.#socket.pause();
    this.#processing ??= this.#processInbox();
  }

  async #processInbox(): Promise<void> {
    // Returns first, so that `#processing` is set before it is cleared.
    await Promise.resolve();
    while (this.#inbox.length > 0 && !this.#ending) {
      const text = this.#inbox.shift();
      await this.#handle(text);
      this.#inboxBytes -= weightOf(text);
      if (this.#socket.isPaused && this.#inboxBytes <= INBOX_BYTES) this.#socket.resume();
    }
    this.#processing = undefined;
  }

  async #handle(text: string | undefined): Promise<void> {
    let value: unknown;
    try {
      if (text === undefined) throw notText();
      value = parsed(text);
      await this.#apply(parseRealtimeEvent(value));
    } catch (thrown) {
      const error = codedError(thrown);
      if (error.code === 'INTERNAL') this.#context.log.error({ message: error.message }, 'event not served');
      this.#send(errorEvent(error, eventIdOf(value)));
    }
  }

  async #apply(event: RealtimeEvent): Promise<void> {
    switch (event.type) {
      case 'session.update':
        await this.#set(updated(this.#settings, event.session), undefined);
        return;
      case 'beta.update':
        await this.#set(betaUpdated(this.#settings, event.session), event.named);
        return;
      case 'input_audio_buffer.append':
        await this.#append(event.audio);
        return;
      case 'input_audio_buffer.commit':
        await this.#drain();
        await this.#buffer.commit();
        return;
      case 'input_audio_buffer.clear':
        this.#converter = new PcmConverter(this.#settings.format);
        await this.#buffer.clear();
    }
  }

  /** @throws SottoError MODEL_NOT_FOUND; then nothing has changed */
  async #set(settings: RealtimeSettings, beta: BetaName | undefined): Promise<void> {
    this.#context.live.checkModel(realtimeModel(settings.transcription?.model));
    this.#beta = beta;
    const { format } = this.#settings;
    if (JSON.stringify(format) !== JSON.stringify(settings.format)) {
      await this.#drain();
      this.#converter = new PcmConverter(settings.format);
    }
    this.#settings = settings;
    await this.#buffer.listenFor(turnSettingsOf(settings));
    this.#send(sessionEvent('updated', settings, this.#sessionInfo));
  }

  /** @throws SottoError INVALID_ARGUMENT, or an error of the buffer */
  async #append(audio: string): Promise<void> {
    if (audio.length % 4 === 1 || !/^[A-Za-z0-9+/]*={0,2}$/.test(audio)) {
      throw new SottoError('INVALID_ARGUMENT', 'audio: must be base64', {
        hint: 'send the audio encoded as base64',
        param: 'audio',
      });
    }
    for (const pcm of this.#converter.push(Buffer.from(audio, 'base64'))) {
      if (this.#ending) return;
      await this.#buffer.append(pcm);
    }
  }

  /** Appends the samples that are still in the resampling filter. */
  async #drain(): Promise<void> {
    const rest = this.#converter.flush();
    this.#converter = new PcmConverter(this.#settings.format);
    await this.#buffer.append(rest);
  }

  async #expire(): Promise<void> {
    this.#ending = true;
    await this.#processing;
    await this.#drain().catch(() => undefined);
    await this.#buffer.finish();
    const error = new RealtimeError(
      'session_expired',
      'INVALID_ARGUMENT',
      'Your session hit the maximum duration of 60 minutes.',
      { hint: 'the appended audio is transcribed; connect again to continue' },
    );
    this.#send(errorEvent(error));
    this.#close(NORMAL, 'session expired');
  }

  #notify(event: BufferEvent): void {
    const logprobs =
      this.#settings.include?.some((field) => field.endsWith('transcription.logprobs')) === true;
    for (const serverEvent of toServerEvents(event, { beta: this.#beta !== undefined, logprobs }))
      this.#send(serverEvent);
  }

  #ping(sinceMs: number): void {
    const { clock } = this.#context;
    const timer = clock.after(PING_INTERVAL_MS, () => {
      this.#timers.splice(this.#timers.indexOf(timer), 1);
      const now = clock.nowMs();
      // The machine or the process was suspended, so the client is not late.
      if (now - sinceMs > 2 * PING_INTERVAL_MS) this.#lastPongMs = now;
      // The pong of a paused socket is not read.
      if (this.#socket.isPaused) this.#lastPongMs = now;
      if (now - this.#lastPongMs > PONG_TIMEOUT_MS) this.#socket.terminate();
      else if (this.#socket.readyState === this.#socket.OPEN) {
        this.#socket.ping();
        this.#ping(now);
      }
    });
    this.#timers.push(timer);
  }

  #send(serverEvent: ServerEvent): void {
    const { bufferedAmount, readyState, OPEN } = this.#socket;
    if (readyState !== OPEN) return;
    const text = JSON.stringify(serverEvent);
    if (bufferedAmount + text.length <= MAX_UNREAD_BYTES) {
      this.#socket.send(text);
      return;
    }
    if (this.#ending) return;
    this.#context.log.warn('a realtime client does not read its events: connection closed');
    this.#socket.send(
      JSON.stringify(errorEvent(new SottoError('SLOW_READER', 'too many events are unread'))),
    );
    this.#close(POLICY_VIOLATION, 'SLOW_READER');
  }

  #close(code: number, reason: string): void {
    this.#ending = true;
    this.#socket.resume();
    closeSoon(this.#socket, code, reason);
  }

  #onClosed(): void {
    this.#ending = true;
    for (const timer of this.#timers) timer.cancel();
    this.#inbox.length = 0;
    this.#buffer.close();
  }
}

/** Counts a minimum for each event, so that many empty ones are limited, too. */
function weightOf(text: string | undefined): number {
  return 64 + (text?.length ?? 0);
}

function notText(): SottoError {
  return new SottoError('PROTOCOL', 'binary frames are not supported', {
    hint: 'send audio as input_audio_buffer.append, in base64',
  });
}

/** @throws SottoError PROTOCOL */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new SottoError('PROTOCOL', 'the event is not JSON', { hint: 'send one JSON object per message' });
  }
}
