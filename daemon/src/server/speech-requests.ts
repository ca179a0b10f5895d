/** The speeches and conversations of one client, and the audio that it has decoded from codes. */
import { encodeAudioFrame } from '../protocol/audio-frame.js';
import { defined } from '../protocol/defined.js';
import { SottoError } from '../protocol/errors.js';
import type { ClientMessage } from '../protocol/messages.js';
import { LIMITS } from '../protocol/version.js';
import { ConversationSession, type ConversationNotice } from '../sessions/speech/conversation-session.js';
import type { OpenedSpeech, SpeechService } from '../sessions/speech/speech-service.js';
import type { SpeechNotice } from '../sessions/speech/speech-session.js';
import type { Send } from './model-requests.js';

/** Larger audio is sent in several frames. */
const FRAME_SAMPLES = 16_384;

type Notice = SpeechNotice | ConversationNotice;
type AudioNotice = Extract<SpeechNotice, { type: 'audio' }>;

export class SpeechRequests {
  readonly #service: SpeechService;
  readonly #send: Send;
  readonly #sendFrame: (frame: Uint8Array) => void;
  readonly #speeches = new Map<string, OpenedSpeech>();
  #nextChannel = 1;

  constructor(service: SpeechService, send: Send, sendFrame: (frame: Uint8Array) => void) {
    this.#service = service;
    this.#send = send;
    this.#sendFrame = sendFrame;
  }

  get size(): number {
    return this.#speeches.size;
  }

  /** @throws SottoError INVALID_ARGUMENT, BUSY, MODEL_NOT_FOUND, MODEL_UNSUPPORTED */
  speak({ id, text, model, options = {} }: Extract<ClientMessage, { type: 'speak' }>): void {
    this.#open(id, (notify) =>
      this.#service.open({ source: { type: 'text', text, options }, ...defined({ model }) }, notify),
    );
  }

  /** @throws SottoError as `speak` */
  decode({ id, encoded, model }: Extract<ClientMessage, { type: 'decode' }>): void {
    this.#open(id, (notify) =>
      this.#service.open({ source: { type: 'codes', encoded }, ...defined({ model }) }, notify),
    );
  }

  /** @throws SottoError as `speak` */
  converse(message: Extract<ClientMessage, { type: 'converse' }>): void {
    const { id, turns, model, options = {}, supplies } = message;
    this.#open(id, (notify) =>
      this.#service.converse({ turns, options, ...defined({ model, supplies }) }, notify),
    );
  }

  #open(id: string, open: (notify: (notice: Notice) => void) => OpenedSpeech): void {
    if (this.#speeches.has(id)) throw new SottoError('INVALID_ARGUMENT', 'a speech with this id is active');
    if (this.#speeches.size >= LIMITS.speechesPerConnection)
      throw new SottoError('BUSY', `this client has ${LIMITS.speechesPerConnection} active speeches`);
    const channel = this.#nextChannel++;
    this.#speeches.set(
      id,
      open((notice) => this.#notify(id, channel, notice)),
    );
  }

  acknowledge(id: string, samples: number): void {
    this.#speeches.get(id)?.session.acknowledge(samples);
  }

  /** Takes over the copy of a file of a conversation. */
  supply(id: string, path: string | undefined, upload: string): void {
    const { session } = this.#speeches.get(id) ?? {};
    if (session instanceof ConversationSession && path !== undefined) session.supply(path, upload);
  }

  /** @returns whether there is a speech with this id */
  cancel(id: string): boolean {
    const speech = this.#speeches.get(id);
    if (speech === undefined) return false;
    speech.session.cancel();
    this.#speeches.delete(id);
    this.#send({ type: 'cancelled', id, seq: 1 }, false);
    return true;
  }

  /** The client disconnected. */
  close(): void {
    for (const { session } of this.#speeches.values()) session.cancel();
    this.#speeches.clear();
  }

  #notify(id: string, channel: number, notice: Notice): void {
    switch (notice.type) {
      case 'waiting':
        this.#send({ ...notice, id }, false);
        return;
      case 'opened': {
        const { model = '' } = this.#speeches.get(id) ?? {};
        this.#send({ type: 'speech-opened', id, channel, sampleRate: notice.sampleRate, model }, false);
        return;
      }
      case 'audio':
        this.#sendAudio(id, channel, notice);
        return;
      case 'answer':
        this.#send({ ...notice, id }, false);
        return;
      case 'answered':
        this.#speeches.delete(id);
        this.#send({ ...notice, id }, false);
        return;
      case 'final':
        this.#speeches.delete(id);
        this.#send({ type: 'speech-final', id, summary: notice.summary }, false);
        return;
      case 'failed':
        this.#speeches.delete(id);
        this.#send({ type: 'failed', id, seq: 1, error: notice.error.toWire() }, false);
    }
  }

  #sendAudio(id: string, channel: number, { firstSample, samples, spoken }: AudioNotice): void {
    if (spoken !== undefined) this.#send({ type: 'speech-text', id, firstSample, spoken }, false);
    for (let at = 0; at < samples.length; at += FRAME_SAMPLES) {
      const part = samples.subarray(at, at + FRAME_SAMPLES);
      const pcm = new Uint8Array(part.buffer, part.byteOffset, part.byteLength);
      this.#sendFrame(encodeAudioFrame({ channel, firstSample: firstSample + at, pcm }));
    }
  }
}
