/** The client library: what a program needs to use a running daemon. */
export { CaptureClient } from './capture-client.js';
export { SottoClient, type Line, type Listener, type TranscribeCall } from './client.js';
export type { DaemonIdentity } from './connect.js';
export { Connections } from './connections.js';
export { Dictation, type DictationEvent, type DictationOptions, type ReconnectTimes } from './dictation.js';
export { FilesClient, isFileOver, type FileJob, type FileText } from './files.js';
export { JobStream } from './job-stream.js';
export { ModelsClient, type CallOptions, type ModelWork } from './models.js';
export { fullText, writtenAs, type TextFormat, type Transcript } from './text-files.js';
export { VocabularyClient, type IfStill, type VocabularyChanged } from './vocabulary.js';
export * from './launcher.js';
