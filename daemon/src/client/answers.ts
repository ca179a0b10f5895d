/** What all requests over the socket have in common: how they fail, and how their caller cancels them. */
import { SottoError } from '../protocol/errors.js';
import type { DaemonMessage } from '../protocol/messages.js';
import { LIMITS } from '../protocol/version.js';
import type { ClientChannel } from './client.js';

/** Time for the daemon to answer a cancel. */
const CANCEL_TIMEOUT_MS = 2_000;

/**
 * Why a message ends its request.
 *
 * @param request completes "… is not an answer to …"
 */
export function errorOf(message: DaemonMessage, request: string): SottoError {
  if (message.type === 'error' || message.type === 'failed') return SottoError.fromWire(message.error);
  if (message.type === 'cancelled') return new SottoError('CANCELLED', 'cancelled');
  return new SottoError('PROTOCOL', `\`${message.type}\` is not an answer to ${request}`);
}

/** Bytes of the other fields of a message. */
const MESSAGE_ROOM = 8 * 1024;

/** @throws SottoError INVALID_ARGUMENT for content that is larger than a message may be */
export function assertMessageFits(
  content: object,
  tooLarge: string,
  { hint }: { readonly hint: string },
): void {
  if (Buffer.byteLength(JSON.stringify(content)) <= LIMITS.maxMessageBytes - MESSAGE_ROOM) return;
  throw new SottoError('INVALID_ARGUMENT', tooLarge, { hint });
}

interface Cancellable {
  readonly id: string;
  readonly channel: ClientChannel;
  readonly events: { readonly over: boolean; end(error: SottoError): void };
  readonly signal: AbortSignal | undefined;
}

/**
 * Cancels a request when `signal` is aborted; it ends soon even if the daemon does not answer.
 *
 * @returns ends the request: cancels it if it is not over
 */
export function cancelOnAbort({ id, channel, events, signal }: Cancellable): () => void {
  let timer: NodeJS.Timeout | undefined;
  const cancel = (): void => {
    channel.send({ type: 'cancel', id });
    timer = setTimeout(() => events.end(new SottoError('CANCELLED', 'cancelled')), CANCEL_TIMEOUT_MS);
  };
  signal?.addEventListener('abort', cancel, { once: true });
  return () => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', cancel);
    if (!events.over) channel.send({ type: 'cancel', id });
    channel.close();
  };
}
