import { messageOf } from '../protocol/errors.js';

/** "permission denied" out of "EACCES: permission denied, open '/x'". */
export function reasonOf(error: unknown): string {
  const message = messageOf(error);
  return /^E[A-Z]+: ([^,]+)/.exec(message)?.[1] ?? message;
}
