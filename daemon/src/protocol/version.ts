/**
 * The number that both sides of the socket say in `hello`. It changes when a message changes its meaning;
 * new optional fields and new message types do not need a new number.
 */
export const PROTOCOL_VERSION = 2;

/** The version of Sotto itself: the one of package.json (a test holds the two equal). */
export const SOTTO_VERSION = '0.1.0';

/** Bounds that both sides of the socket keep. */
export const LIMITS = {
  /** Longest text of a dictation that a client may send, in UTF-16 units: 12 hours of fast speech are half of it. */
  maxTextLength: 2_000_000,
  /** Largest ws message to the daemon, in bytes: that text in UTF-8, and room for escapes. */
  maxMessageBytes: 8 * 1024 * 1024,
  /** Largest audio frame, in bytes. */
  maxAudioFrameBytes: 256 * 1024,
  /** Largest ws message from the daemon: the longest dictation with the times of its words, some 10 MB, with room. */
  maxAnswerBytes: 64 * 1024 * 1024,
  /** Sessions of dictation that may go on at once, over all clients. */
  liveSessions: 64,
  /** A take that goes on for longer is finished: somebody forgot it. */
  dictationSeconds: 12 * 3600,
  /** Jobs that one connection may have queued or running. */
  jobsPerConnection: 64,
  /** Longest path of a file, in UTF-16 units; macOS stops at 1024 bytes, Linux at 4096. */
  maxPathLength: 4096,
} as const;
