/**
 * The number that both sides of the socket say in `hello`. It changes when a message changes its meaning;
 * new optional fields and new message types do not need a new number.
 */
export const PROTOCOL_VERSION = 1;

/** The version of Sotto itself: the one of package.json (a test holds the two equal). */
export const SOTTO_VERSION = '0.1.0';

/** Bounds that both sides of the socket keep. */
export const LIMITS = {
  /** Largest ws message to the daemon, in bytes. */
  maxMessageBytes: 256 * 1024,
  /** Largest one from it: the text of the longest take. Otherwise no message repeats what an earlier one said. */
  maxAnswerBytes: 1024 * 1024,
  /** Sessions of dictation that may go on at once, over all clients. */
  liveSessions: 64,
  /** A take that goes on for longer is finished: somebody forgot it. */
  takeSeconds: 12 * 3600,
  /** Jobs that one connection may have queued or running. */
  jobsPerConnection: 64,
  /** Longest path of a file, in UTF-16 units; macOS stops at 1024 bytes, Linux at 4096. */
  maxPathLength: 4096,
} as const;
