/**
 * Runs a *synchronous* call of a library that prints decoding errors to the console, without the print: stderr
 * belongs to the command, and damaged frames are counted by us. Nothing else can run, and so lose a line, meanwhile.
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
