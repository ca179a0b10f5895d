/** The live sessions of one client: their audio channels and their events. */
import { parseAudioFrame } from '../protocol/audio-frame.js';
import { SottoError } from '../protocol/errors.js';
import { codedError } from '../protocol/file-errors.js';
import { isNumbered, isTerminal, type LiveEvent } from '../protocol/live.js';
import type { ClientMessage } from '../protocol/messages.js';
import type { LiveListener, LiveNotice, LiveSessions } from '../sessions/live/live-sessions.js';
import type { LiveSession } from '../sessions/live/live-session.js';
import type { Send } from './model-requests.js';
import { defined } from '../protocol/defined.js';

type Open = Extract<ClientMessage, { type: 'open' }>;
type Switch = Extract<ClientMessage, { type: 'switch' }>;
type Resume = Extract<ClientMessage, { type: 'resume' }>;

interface Channel {
  readonly number: number;
  readonly session: LiveSession;
  readonly listener: LiveListener;
}

export class LiveChannels {
  readonly #live: LiveSessions;
  readonly #send: Send;
  readonly #byId = new Map<string, Channel>();
  readonly #byNumber = new Map<number, Channel>();
  #next = 1;
  #closed = false;

  constructor(live: LiveSessions, send: Send) {
    this.#live = live;
    this.#send = send;
  }

  get size(): number {
    return this.#byId.size;
  }

  open({ id, hasRecording, model, options }: Open): void {
    const request = { id, ...defined({ hasRecording, model, options }) };
    this.#join(id, this.#live.open(request), 0);
  }

  resume({ id, seq }: Resume): void {
    this.#join(id, this.#live.find(id), seq);
  }

  /** @throws SottoError PROTOCOL, SESSION_NOT_FOUND */
  finish(id: string, samples: number, isLeft = false): void {
    const channel = this.#byId.get(id);
    if (channel === undefined) throw new SottoError('SESSION_NOT_FOUND', 'no session with this id is open');
    channel.session.finish(samples, isLeft);
  }

  /** @throws SottoError PROTOCOL */
  recorded(id: string, samples: number): void {
    // The session may have just ended.
    this.#byId.get(id)?.session.recorded(samples);
  }

  /** @throws SottoError SESSION_NOT_FOUND */
  switch({ id, model, options, request }: Switch): void {
    const channel = this.#byId.get(id);
    if (channel === undefined) throw new SottoError('SESSION_NOT_FOUND', 'no session with this id is open');
    void this.#live.switch(channel.session, request, defined({ model, options }));
  }

  discard(id: string): void {
    this.#live.discard(id).then(
      () => this.#send({ type: 'discarded', id }, false),
      (error: unknown) => this.#fail(id, error),
    );
  }

  /** @returns whether there is a session with this id */
  cancel(id: string): boolean {
    const channel = this.#byId.get(id);
    channel?.session.cancel();
    return channel !== undefined;
  }

  /** @throws SottoError PROTOCOL */
  audio(frame: Uint8Array): void {
    const { channel: number, firstSample, pcm } = parseAudioFrame(frame);
    const channel = this.#byNumber.get(number);
    if (channel === undefined) {
      // The session has just ended.
      if (number > 0 && number < this.#next) return;
      throw new SottoError('PROTOCOL', `there is no channel ${number}`);
    }
    try {
      channel.session.push(firstSample, pcm);
    } catch (error) {
      this.#fail(channel.session.id, error);
    }
  }

  close(): void {
    this.#closed = true;
    for (const { listener, session } of this.#byId.values()) this.#live.removeListener(session, listener);
    this.#byId.clear();
    this.#byNumber.clear();
  }

  #join(id: string, opening: Promise<LiveSession>, seq: number): void {
    opening.then(
      (session) => {
        if (this.#closed) return;
        // Resumed over the same connection: the client resends the audio of its old channel.
        const before = this.#byId.get(id);
        if (before !== undefined) this.#byNumber.delete(before.number);
        const number = this.#next++;
        const listener: LiveListener = (notice) => this.#notify(id, number, notice);
        const channel = { number, session, listener };
        this.#byId.set(id, channel);
        this.#byNumber.set(number, channel);
        const { acknowledged, settings } = session;
        const { fallbackFor, model } = settings;
        this.#send(
          {
            type: 'opened',
            id,
            channel: number,
            acknowledged,
            model: model.name,
            ...defined({ fallbackFor }),
          },
          false,
        );
        this.#live.setListener(session, listener, seq);
      },
      (error: unknown) => this.#fail(id, error),
    );
  }

  #notify(id: string, number: number, notice: LiveNotice): void {
    if (this.#closed || !this.#byNumber.has(number)) return;
    if ('acknowledged' in notice) {
      this.#send({ type: 'acknowledged', id, samples: notice.acknowledged }, false);
      return;
    }
    this.#send({ type: 'live', id, ...notice }, !isNumbered(notice.event) && !isState(notice.event));
    if (!isTerminal(notice.event)) return;
    this.#byNumber.delete(number);
    if (this.#byId.get(id)?.number === number) this.#byId.delete(id);
  }

  #fail(id: string, error: unknown): void {
    this.#send({ type: 'error', id, error: codedError(error).toWire() }, false);
  }
}

/** Such events are rare, and a client that misses one would show an old state for long. */
function isState({ type }: LiveEvent): boolean {
  return type === 'state' || type === 'decode-interval';
}
