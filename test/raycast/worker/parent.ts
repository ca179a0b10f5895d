/** Messages to and from the host. */
import { parentPort, workerData } from 'node:worker_threads';
import type { CommandData, FromWorker, ToWorker } from '../messages.js';

if (parentPort === null) throw new Error('this has to run in a worker');
const port = parentPort;

export const data = workerData as CommandData;

export function postToHost(message: FromWorker): void {
  port.postMessage(message);
}

type Answer = Extract<ToWorker, { type: 'answer' }>;
const open = new Map<number, (answer: Answer) => void>();
let lastId = 0;

/** Calls the host. Rejects with its error. */
export async function callHost(method: string, ...args: unknown[]): Promise<unknown> {
  const id = ++lastId;
  const answer = await new Promise<Answer>((resolve) => {
    open.set(id, resolve);
    postToHost({ type: 'call', id, method, args });
  });
  if (answer.error !== undefined) throw new Error(answer.error);
  return answer.value;
}

export function onMessage(handle: (message: Exclude<ToWorker, Answer>) => void): void {
  port.on('message', (message: ToWorker) => {
    if (message.type !== 'answer') return handle(message);
    open.get(message.id)?.(message);
    open.delete(message.id);
  });
}
