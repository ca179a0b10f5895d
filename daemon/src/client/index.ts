/** The client library: what a program needs to use a running daemon. */
export { SottoClient, type TranscribeCall } from './client.js';
export type { DaemonIdentity } from './connect.js';
export { JobStream } from './job-stream.js';
