/** The client library for a running daemon. */
export { CaptureClient } from './capture-client.js';
export { CodecClient, type EncodeEvent } from './codec-client.js';
export { ConversationClient, type ConversationEvent } from './conversation-client.js';
export { SottoClient, type ClientChannel, type ChannelListener, type TranscribeCall } from './client.js';
export type { DaemonIdentity } from './connect.js';
export { SharedConnection } from './shared-connection.js';
export { followDictation, viewOf, type DictationView } from './dictation-view.js';
export { Dictation, type DictationEvent, type DictationOptions, type ReconnectTimes } from './dictation.js';
export { FilesClient, isFileOver, type FileJob, type FileText } from './files.js';
export { SpeechClient, type SpeakCall, type SpeechEvent } from './speech-client.js';
export { JobStream } from './job-stream.js';
export { ModelsClient, type CallOptions, type ModelOperation } from './models.js';
export { fullText, renderTranscript, type TextFormat, type Transcript } from './text-files.js';
export { VocabularyClient, type ExpectedRevision, type VocabularyChangeResult } from './vocabulary.js';
export * from './launcher.js';
