/** Connects to a queue. BullMQ and its client are large and are imported only here, when a queue is used. */
import type { Queue } from 'bullmq';
import type { Redis, RedisOptions } from 'ioredis';
import { codeOf, messageOf, SottoError } from '../protocol/errors.js';
import { QUEUE_NAME, QUEUE_PREFIX, type JobResult, type QueueJob } from './queue-job.js';
import type { QueueAddress } from './queue-url.js';

export type JobQueue = Queue<QueueJob, JobResult>;

const CONNECT_TIMEOUT_MS = 5_000;
const MAX_RETRY_MS = 2_000;

/**
 * Checks that a Redis responds and accepts the login. Later connections may wait for it instead.
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
    // "Connection is closed." only follows the error that explains it.
    throw queueError(firstError ?? error, address);
  } finally {
    client.disconnect();
  }
}

/**
 * A client that waits while Redis is unreachable, so a restart of Redis loses no request. `onDisconnect` and
 * `onReconnect` are called once per outage.
 */
export async function openRedis(
  address: QueueAddress,
  { onDisconnect, onReconnect }: { onDisconnect: (error: SottoError) => void; onReconnect: () => void },
): Promise<Redis> {
  const { Redis } = await import('ioredis');
  const options: RedisOptions = {
    ...address.connection,
    // BullMQ requires this, because workers wait for jobs indefinitely.
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
    // BullMQ prints warnings about old servers to the terminal.
    skipVersionCheck: true,
  });
  // The client reports the same errors.
  queue.on('error', () => undefined);
  return queue;
}

/** Encodes a worker name for Redis, whose connection names allow no spaces or accents. */
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
