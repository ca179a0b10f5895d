/**
 * One client of OpenAI's realtime transcription: says what its session is, takes its events one after the other, no faster
 * than they can be worked on, and keeps what waits for a slow reader within bounds.
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
import { realtimeModel } from './model-names.js';
import {
  betaUpdated,
  liveOptionsOf,
  initialSettings,
  turnSettingsOf,
  updated,
  type Settings,
} from './session-settings.js';
import { defined } from '../../protocol/defined.js';

/** As OpenAI has it; what is said then is still written down. */
const MAX_SESSION_MS = 3600_000;
/** What was sent and not worked on yet may wait here; the rest waits with the client. */
const INBOX_BYTES = 1024 * 1024;

export interface RealtimeContext {
  readonly live: LiveSessions;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface Greeting {
  /** As the address names it. */
  readonly model: string | undefined;
  /** How a client of the beta calls its session. */
  readonly beta: BetaName | undefined;
}

export class RealtimeConnection {
  readonly #socket: WebSocket;
  readonly #context: RealtimeContext;
  readonly #id = newId('sess');
  readonly #expiresAt: number;
  readonly #buffer: InputBuffer;
  readonly #timers: Timer[] = [];
  #settings: Settings;
  #beta: BetaName | undefined;
  #converter: PcmConverter;
  /** Undefined stands for a binary frame. */
  readonly #inbox: (string | undefined)[] = [];
  #inboxBytes = 0;
  /** Resolves once the event that is worked on is done with. */
  #working: Promise<void> | undefined;
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
    // The peer broke a rule of WebSocket or of our limits; ws closes with the fitting code itself.
    socket.on('error', (error) => log.warn({ message: error.message }, 'realtime connection error'));
    socket.on('close', () => this.#closed());
    this.#timers.push(clock.after(MAX_SESSION_MS, () => void this.#expire()));
    this.#ping(clock.nowMs());
    this.#send(sessionEvent('created', this.#settings, this.#about));
  }

  get #about() {
    return { id: this.#id, expiresAt: this.#expiresAt, beta: this.#beta };
  }

  #receive(data: RawData, isBinary: boolean): void {
    if (this.#ending) return;
    const text = isBinary ? undefined : textOf(data);
    this.#inbox.push(text);
    this.#inboxBytes += weightOf(text);
    if (this.#inboxBytes > INBOX_BYTES) this.#socket.pause();
    this.#working ??= this.#work();
  }

  async #work(): Promise<void> {
    // Not before it is known that this is under way.
    await Promise.resolve();
    while (this.#inbox.length > 0 && !this.#ending) {
      const text = this.#inbox.shift();
      await this.#serve(text);
      this.#inboxBytes -= weightOf(text);
      if (this.#socket.isPaused && this.#inboxBytes <= INBOX_BYTES) this.#socket.resume();
    }
    this.#working = undefined;
  }

  async #serve(text: string | undefined): Promise<void> {
    let value: unknown;
    try {
      if (text === undefined) throw notText();
      value = parsed(text);
      await this.#do(parseRealtimeEvent(value));
    } catch (thrown) {
      const error = codedError(thrown);
      if (error.code === 'INTERNAL') this.#context.log.error({ message: error.message }, 'event not served');
      this.#send(errorEvent(error, eventIdOf(value)));
    }
  }

  async #do(event: RealtimeEvent): Promise<void> {
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

  /** @throws SottoError MODEL_NOT_FOUND, with nothing set */
  async #set(settings: Settings, beta: BetaName | undefined): Promise<void> {
    this.#context.live.checkModel(realtimeModel(settings.transcription?.model));
    this.#beta = beta;
    const { format } = this.#settings;
    if (JSON.stringify(format) !== JSON.stringify(settings.format)) {
      await this.#drain();
      this.#converter = new PcmConverter(settings.format);
    }
    this.#settings = settings;
    await this.#buffer.listenFor(turnSettingsOf(settings));
    this.#send(sessionEvent('updated', settings, this.#about));
  }

  /** @throws SottoError INVALID_ARGUMENT, and why audio can't be taken */
  async #append(audio: string): Promise<void> {
    if (audio.length % 4 === 1 || !/^[A-Za-z0-9+/]*={0,2}$/.test(audio)) {
      throw new SottoError('INVALID_ARGUMENT', 'audio: must be base64', {
        hint: 'send the bytes of the audio, encoded as base64',
        param: 'audio',
      });
    }
    for (const pcm of this.#converter.push(Buffer.from(audio, 'base64'))) {
      if (this.#ending) return;
      await this.#buffer.append(pcm);
    }
  }

  /** What is still in the filter belongs to what is there. */
  async #drain(): Promise<void> {
    const rest = this.#converter.flush();
    this.#converter = new PcmConverter(this.#settings.format);
    await this.#buffer.append(rest);
  }

  async #expire(): Promise<void> {
    this.#ending = true;
    await this.#working;
    await this.#drain().catch(() => undefined);
    await this.#buffer.finish();
    const error = new RealtimeError(
      'session_expired',
      'INVALID_ARGUMENT',
      'Your session hit the maximum duration of 60 minutes.',
      { hint: 'what you appended until then is written down; connect again and go on' },
    );
    this.#send(errorEvent(error));
    this.#leave(NORMAL, 'session expired');
  }

  #notify(event: BufferEvent): void {
    const logprobs =
      this.#settings.include?.some((field) => field.endsWith('transcription.logprobs')) === true;
    for (const serverEvent of toServerEvents(event, { beta: this.#beta !== undefined, logprobs }))
      this.#send(serverEvent);
  }

  #ping(sinceMs: number): void {
    const { clock } = this.#context;
    const timers = clock.after(PING_INTERVAL_MS, () => {
      this.#timers.splice(this.#timers.indexOf(timers), 1);
      const now = clock.nowMs();
      // The machine slept, or we did: nobody is late.
      if (now - sinceMs > 2 * PING_INTERVAL_MS) this.#lastPongMs = now;
      // While it is paused, its answer waits with all the rest.
      if (this.#socket.isPaused) this.#lastPongMs = now;
      if (now - this.#lastPongMs > PONG_TIMEOUT_MS) this.#socket.terminate();
      else if (this.#socket.readyState === this.#socket.OPEN) {
        this.#socket.ping();
        this.#ping(now);
      }
    });
    this.#timers.push(timers);
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
    this.#context.log.warn('a realtime client does not read what it asked for: connection ended');
    this.#socket.send(
      JSON.stringify(errorEvent(new SottoError('SLOW_READER', 'too much of what was said is not read'))),
    );
    this.#leave(POLICY_VIOLATION, 'SLOW_READER');
  }

  #leave(code: number, reason: string): void {
    this.#ending = true;
    this.#socket.resume();
    closeSoon(this.#socket, code, reason);
  }

  #closed(): void {
    this.#ending = true;
    for (const timers of this.#timers) timers.cancel();
    this.#inbox.length = 0;
    this.#buffer.close();
  }
}

/** The shortest event takes room too. */
function weightOf(text: string | undefined): number {
  return 64 + (text?.length ?? 0);
}

function notText(): SottoError {
  return new SottoError('PROTOCOL', 'binary frames are not served', {
    hint: 'send audio as input_audio_buffer.append, in base64',
  });
}

/** @throws SottoError PROTOCOL */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new SottoError('PROTOCOL', 'the event is not JSON', { hint: 'send one JSON object a message' });
  }
}
