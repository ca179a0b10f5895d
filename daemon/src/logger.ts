/** The logger type, separate from log.ts so that modules that only take a logger don't load pino. */
import type { pino } from 'pino';

export type Logger = Pick<pino.Logger, 'debug' | 'info' | 'warn' | 'error'>;

const nothing = (): void => undefined;

/** For tests and for work without a daemon. */
export const silentLog: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };
