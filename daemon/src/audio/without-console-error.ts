/**
 * Suppresses console.error during a *synchronous* call of a library that prints decoding errors: stderr belongs to the
 * command. No other code runs during the call, so no other message is lost.
 */
export function withoutConsoleError<T>(call: () => T): T {
  const print = console.error;
  console.error = () => undefined;
  try {
    return call();
  } finally {
    console.error = print;
  }
}
