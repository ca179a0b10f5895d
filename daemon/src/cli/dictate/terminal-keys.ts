/** Single key presses of a terminal. */
import type { ReadStream } from 'node:tty';

const ENTER = new Set(['\r', '\n', '\u0004']);
const ESCAPE = '\u001b';
const CTRL_C = '\u0003';

interface KeyActions {
  finish(): void;
  discard(): void;
}

/** Whether key presses can be read. */
export function hasKeys(): boolean {
  return process.stdin.isTTY;
}

/** Handles keys until the returned function is called. Escape sequences, such as those of arrow keys, are ignored. */
export function listenToKeys(actions: KeyActions, stdin: ReadStream = process.stdin): () => void {
  if (!stdin.isTTY) return () => undefined;
  const onKey = (data: Buffer): void => {
    const key = data.toString('utf8');
    if (key === ESCAPE) actions.discard();
    else if (ENTER.has(key)) actions.finish();
    // Raw mode disables the signal of Ctrl-C, so it is sent here.
    else if (key === CTRL_C) process.kill(process.pid, 'SIGINT');
  };
  stdin.setRawMode(true);
  stdin.on('data', onKey);
  stdin.resume();
  return () => {
    stdin.off('data', onKey);
    stdin.setRawMode(false);
    stdin.pause();
  };
}
