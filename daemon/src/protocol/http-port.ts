/** Which ports may be named; apart from the messages, since every command reads the settings and need load no schemas for it. */

/** `sott` on the keys of a telephone. */
export const DEFAULT_HTTP_PORT = 7688;

/** 0 is any that is free. Those below 1024 are the system's. */
export function isHttpPort(port: number): boolean {
  return port === 0 || (Number.isInteger(port) && port >= 1_024 && port <= 65_535);
}
