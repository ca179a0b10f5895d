/** The messages between clients, daemon and engine. This folder imports no other code of Sotto. */
export * from './audio-frame.js';
export * from './capture.js';
export * from './defined.js';
export * from './errors.js';
export * from './files.js';
export * from './history.js';
export * from './history-export.js';
export * from './ipc.js';
export * from './live.js';
export * from './messages.js';
export * from './models.js';
export * from './serve.js';
export * from './status.js';
export * from './transcription.js';
export * from './version.js';
export * from './vocabulary.js';
export * from './wire-error.js';
