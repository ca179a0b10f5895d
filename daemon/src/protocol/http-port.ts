/** Valid ports. Apart from the messages, because every command reads the settings and should not load the schemas for it. */

/** `sott` on a telephone keypad. */
export const DEFAULT_HTTP_PORT = 7688;

/** 0 means any free port. Ports below 1024 are reserved for the system. */
export function isHttpPort(port: number): boolean {
  return port === 0 || (Number.isInteger(port) && port >= 1_024 && port <= 65_535);
}
