/**
 * Both sides of the socket send this number in `hello`. It changes when a message or field changes its name or meaning; new
 * optional fields and new message types need no new number.
 */
export const PROTOCOL_VERSION = 6;

/** The version in package.json; a test compares the two. */
export const SOTTO_VERSION = '0.1.0';

/** Limits that both sides of the socket enforce. */
export const LIMITS = {
  /** Longest dictation text that a client may send, in UTF-16 units: twice what 12 hours of fast speech produce. */
  maxTextLength: 2_000_000,
  /** Largest WebSocket message to the daemon, in bytes: that text in UTF-8 with room for escapes. */
  maxMessageBytes: 8 * 1024 * 1024,
  maxAudioFrameBytes: 256 * 1024,
  /** Longest text of one speech, in UTF-16 units: some three hours. */
  maxSpokenLength: 200_000,
  /** Active speeches and conversations of one connection. */
  speechesPerConnection: 8,
  /** Turns of one conversation. */
  conversationTurns: 1_000,
  /** Texts and pieces of audio in one turn. */
  partsPerTurn: 64,
  /** Longest text in a turn, in UTF-16 units. */
  maxTurnTextLength: 200_000,
  /** Longest audio in a message: in base64, half of `maxMessageBytes`. Longer audio is named by its path. */
  maxTurnPcmSeconds: 98,
  /** Audio files that one conversation may name. */
  filesPerConversation: 64,
  /** Longest answer, in tokens. */
  maxAnswerTokens: 65_536,
  /** Largest WebSocket message from the daemon, in bytes: the longest dictation with word times is about 10 MB. */
  maxAnswerBytes: 64 * 1024 * 1024,
  /** Live sessions at a time, over all clients. */
  liveSessions: 64,
  /** A longer dictation is finished, because it was probably forgotten. */
  dictationSeconds: 12 * 3600,
  /** Queued and running jobs of one connection. */
  jobsPerConnection: 64,
  /** In UTF-16 units; macOS allows 1024 bytes, Linux 4096. */
  maxPathLength: 4096,
} as const;
