/** What may be logged to. Apart from log.ts, so that who does not write a log need not load what does. */
import type { pino } from 'pino';

export type Logger = Pick<pino.Logger, 'debug' | 'info' | 'warn' | 'error'>;

const nothing = (): void => undefined;

/** A log that keeps nothing, for tests and for work without a daemon. */
export const silentLog: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };
