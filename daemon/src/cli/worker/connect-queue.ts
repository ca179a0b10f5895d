/**
 * The connection to a queue. BullMQ and its client are big and are loaded here, when somebody asks for a queue, and nowhere
 * else.
 */
import type { Queue } from 'bullmq';
import type { Redis, RedisOptions } from 'ioredis';
import { codeOf, messageOf, SottoError } from '../../protocol/errors.js';
import { QUEUE_NAME, QUEUE_PREFIX, type JobResult, type QueueJob } from './queue-job.js';
import type { QueueAddress } from './queue-url.js';

export type JobQueue = Queue<QueueJob, JobResult>;

const CONNECT_TIMEOUT_MS = 5_000;
const MAX_RETRY_MS = 2_000;

/**
 * Whether a Redis answers there, and lets us in. What comes after may rely on a client that waits for it.
 * @throws SottoError QUEUE_UNAVAILABLE, QUEUE_DENIED within seconds
 */
export async function probeQueue(address: QueueAddress): Promise<void> {
  const { Redis } = await import('ioredis');
  const client = new Redis({
    ...address.connection,
    lazyConnect: true,
    connectTimeout: CONNECT_TIMEOUT_MS,
    commandTimeout: CONNECT_TIMEOUT_MS,
    maxRetriesPerRequest: 0,
    enableReadyCheck: false,
    enableOfflineQueue: true,
    retryStrategy: () => null,
  });
  let firstError: unknown;
  client.on('error', (error) => (firstError ??= error));
  try {
    await client.connect();
    await client.ping();
  } catch (error) {
    // "Connection is closed." is the end of it; what came before it says why.
    throw queueError(firstError ?? error, address);
  } finally {
    client.disconnect();
  }
}

/**
 * A client that waits while the queue is away: nothing that was asked of it is lost by a restart of Redis. `onDisconnect` and
 * `onReconnect` tell of it, once each time.
 */
export async function openRedis(
  address: QueueAddress,
  { onDisconnect, onReconnect }: { onDisconnect: (error: SottoError) => void; onReconnect: () => void },
): Promise<Redis> {
  const { Redis } = await import('ioredis');
  const options: RedisOptions = {
    ...address.connection,
    // BullMQ asks for it: a worker waits for a job without an end.
    maxRetriesPerRequest: null,
    connectTimeout: CONNECT_TIMEOUT_MS,
    retryStrategy: (times) => Math.min(100 * times, MAX_RETRY_MS),
  };
  const client = new Redis(options);
  let isDisconnected = false;
  client.on('error', (error) => {
    if (isDisconnected) return;
    isDisconnected = true;
    onDisconnect(queueError(error, address));
  });
  client.on('ready', () => {
    if (isDisconnected) onReconnect();
    isDisconnected = false;
  });
  return client;
}

export async function openQueue(client: Redis): Promise<JobQueue> {
  const { Queue } = await import('bullmq');
  const queue: JobQueue = new Queue(QUEUE_NAME, {
    connection: client,
    prefix: QUEUE_PREFIX,
    // Its own warnings about old servers go to the terminal unasked.
    skipVersionCheck: true,
  });
  // The client says it, too.
  queue.on('error', () => undefined);
  return queue;
}

/** A worker's name as a Redis takes it for a connection: without spaces and accents, which machines have in theirs. */
export function encodeName(name: string): string {
  return encodeURIComponent(name);
}

export function decodeName(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}

function queueError(error: unknown, { shown }: QueueAddress): SottoError {
  const message = messageOf(error);
  if (/NOAUTH|WRONGPASS|NOPERM|invalid password|without any password/i.test(message))
    return new SottoError('QUEUE_DENIED', `the queue at ${shown} refused the login`, { cause: error });
  const code = codeOf(error) ?? '';
  const reason = REASONS[code] ?? (message === '' ? code : message);
  return new SottoError('QUEUE_UNAVAILABLE', `the queue at ${shown} can’t be reached: ${reason}`, {
    cause: error,
  });
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ENOENT: 'no such socket',
  ENOTFOUND: 'unknown host',
  EAI_AGAIN: 'the host name can’t be resolved right now',
  EACCES: 'permission denied',
  ETIMEDOUT: 'no response',
  ECONNRESET: 'connection closed',
};
