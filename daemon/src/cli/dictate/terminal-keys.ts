/** Single keys of a terminal, without Enter behind them. */
import type { ReadStream } from 'node:tty';

const ENTER = new Set(['\r', '\n', '\u0004']);
const ESCAPE = '\u001b';
const CTRL_C = '\u0003';

interface KeyActions {
  finish(): void;
  discard(): void;
}

/** Whether keys can be heard here. */
export function hasKeys(): boolean {
  return process.stdin.isTTY;
}

/** Listens until the returned function is called. A key that is part of a sequence, such as an arrow, means nothing. */
export function listenToKeys(actions: KeyActions, stdin: ReadStream = process.stdin): () => void {
  if (!stdin.isTTY) return () => undefined;
  const onKey = (data: Buffer): void => {
    const key = data.toString('utf8');
    if (key === ESCAPE) actions.discard();
    else if (ENTER.has(key)) actions.finish();
    // The terminal leaves it to us: it goes where it would have gone.
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
