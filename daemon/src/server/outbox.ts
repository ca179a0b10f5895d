/**
 * Queue of messages to one client. A large message is sent as WebSocket fragments, each after the previous one has left this
 * process, because progress of the bytes distinguishes a slow client from one that does not read.
 */
import type { WebSocket } from 'ws';
import type { Clock, Timer } from '../clock.js';
import { LIMITS } from '../protocol/version.js';
import { MAX_UNREAD_BYTES } from './websocket.js';

/** Also the most bytes that the socket buffers at a time. */
const FRAGMENT_BYTES = 256 * 1024;
/** A client with more than `MAX_UNREAD_BYTES` unread must read a fragment within this time. */
const STALL_TIMEOUT_MS = 10_000;
/** A timer that fires this late was suspended with the machine, as was the client. */
const MAX_LATENESS_MS = 5_000;

interface Fragment {
  readonly bytes: Buffer;
  readonly isBinary: boolean;
  readonly isLast: boolean;
}

export class Outbox {
  readonly #socket: WebSocket;
  readonly #clock: Clock;
  readonly #onStalled: () => void;
  readonly #fragments: Fragment[] = [];
  #queuedBytes = 0;
  #stallTimer: Timer | undefined;
  #hasProgressed = false;

  /** @param onStalled called once if the client reads nothing or has too much unread; nothing is sent afterwards */
  constructor(socket: WebSocket, clock: Clock, onStalled: () => void) {
    this.#socket = socket;
    this.#clock = clock;
    this.#onStalled = onStalled;
    socket.on('close', () => this.#clear());
  }

  /** Bytes that have not left this process. */
  get unreadBytes(): number {
    return this.#queuedBytes + this.#socket.bufferedAmount;
  }

  /** @param message text of any length up to `LIMITS.maxAnswerBytes` in UTF-8, or a binary frame */
  push(message: string | Uint8Array): void {
    const isBinary = typeof message !== 'string';
    const bytes = isBinary
      ? Buffer.from(message.buffer, message.byteOffset, message.byteLength)
      : Buffer.from(message);
    if (this.unreadBytes + bytes.length > LIMITS.maxAnswerBytes) {
      this.#stalled();
      return;
    }
    // A fragment may end inside a character, because the client decodes the whole message.
    for (let at = 0; at < bytes.length; at += FRAGMENT_BYTES) {
      const fragment = bytes.subarray(at, at + FRAGMENT_BYTES);
      this.#fragments.push({ bytes: fragment, isBinary, isLast: at + FRAGMENT_BYTES >= bytes.length });
    }
    this.#queuedBytes += bytes.length;
    this.#send();
    if (this.unreadBytes > MAX_UNREAD_BYTES) this.#stallTimer ??= this.#watch();
  }

  #send(): void {
    while (this.#socket.readyState === this.#socket.OPEN && this.#socket.bufferedAmount < FRAGMENT_BYTES) {
      const fragment = this.#fragments.shift();
      if (fragment === undefined) return;
      this.#queuedBytes -= fragment.bytes.length;
      this.#socket.send(fragment.bytes, { binary: fragment.isBinary, fin: fragment.isLast }, (error) => {
        if (error != null) return;
        this.#hasProgressed = true;
        this.#send();
      });
    }
  }

  #watch(): Timer {
    this.#hasProgressed = false;
    const dueMs = this.#clock.nowMs() + STALL_TIMEOUT_MS;
    return this.#clock.after(STALL_TIMEOUT_MS, () => {
      this.#stallTimer = undefined;
      if (this.unreadBytes <= MAX_UNREAD_BYTES) return;
      const isLate = this.#clock.nowMs() - dueMs > MAX_LATENESS_MS;
      if (this.#hasProgressed || isLate) this.#stallTimer = this.#watch();
      else this.#stalled();
    });
  }

  #stalled(): void {
    this.#clear();
    this.#onStalled();
  }

  #clear(): void {
    this.#stallTimer?.cancel();
    this.#stallTimer = undefined;
    this.#fragments.length = 0;
    this.#queuedBytes = 0;
  }
}
