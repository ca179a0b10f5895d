/**
 * Handwritten mutations of limits and safeguards that tools do not mutate: numbers, flags, SQL. All tests
 * once missed each of them. `search` must occur exactly once in `file`; otherwise the entry is stale and the
 * run fails.
 */
import type { Room } from './suites.js';

interface NamedMutation {
  readonly name: string;
  readonly room: Room | 'server';
  readonly file: string;
  readonly search: string;
  readonly replace: string;
  /** Suites in addition to those of the room that import the file. */
  readonly suites: readonly string[];
}

export const NAMED_MUTATIONS: readonly NamedMutation[] = [
  {
    name: 'no limit of 12 hours',
    room: 'sessions',
    file: 'daemon/src/sessions/live/live-session.ts',
    search: 'const MAX_SAMPLES = LIMITS.dictationSeconds * SAMPLE_RATE;',
    replace: 'const MAX_SAMPLES = Infinity;',
    suites: [],
  },
  {
    name: 'no cap on memory without a disk',
    room: 'sessions',
    file: 'daemon/src/sessions/live/session-audio.ts',
    search: 'return this.#inMemory.samples > MAX_SAMPLES_IN_MEMORY;',
    replace: 'return false;',
    suites: [],
  },
  {
    name: 'files starve behind dictation',
    room: 'engine',
    file: 'daemon/src/engine/compute-scheduler.ts',
    search: 'const MAX_CONSECUTIVE_DECODES = 8;',
    replace: 'const MAX_CONSECUTIVE_DECODES = 100_000;',
    suites: [],
  },
  {
    name: 'an engine may miss a decode for 200 s',
    room: 'supervisor',
    file: 'daemon/src/supervisor/engine-streams.ts',
    search: 'export const DECODE_TIMEOUT_MS = 20_000;',
    replace: 'export const DECODE_TIMEOUT_MS = 200_000;',
    suites: [],
  },
  {
    name: 'an engine may be silent for 10 minutes',
    room: 'supervisor',
    file: 'daemon/src/supervisor/hang-watch.ts',
    search: 'export const SILENCE_TIMEOUT_MS = 60_000;',
    replace: 'export const SILENCE_TIMEOUT_MS = 600_000;',
    suites: [],
  },
  {
    name: 'dead clients are never terminated',
    room: 'server',
    file: 'daemon/src/server/client-connection.ts',
    search: 'this.#socket.terminate();\n    else if',
    replace: 'void 0;\n    else if',
    suites: [],
  },
  {
    name: 'clients that do not read are never cut off',
    room: 'server',
    file: 'daemon/src/server/outbox.ts',
    search: 'const STALL_TIMEOUT_MS = 10_000;',
    replace: 'const STALL_TIMEOUT_MS = 1_000_000_000;',
    suites: [],
  },
  {
    name: 'clients have 50 ms to reconnect after a restart',
    room: 'sessions',
    file: 'daemon/src/sessions/live/live-sessions.ts',
    search: 'const GRACE_AT_START_MS = 5_000;',
    replace: 'const GRACE_AT_START_MS = 50;',
    suites: [],
  },
  {
    name: 'the history is not synchronous',
    room: 'store',
    file: 'daemon/src/store/history/history-database.ts',
    search: 'PRAGMA synchronous = FULL;',
    replace: 'PRAGMA synchronous = OFF;',
    suites: [],
  },
  {
    name: 'a partial download follows links',
    room: 'store',
    file: 'daemon/src/store/download/fetch-file.ts',
    search: 'constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW',
    replace: 'constants.O_RDWR | constants.O_CREAT',
    suites: [],
  },
  {
    name: 'no reserve on the disk',
    room: 'store',
    file: 'daemon/src/store/download/disk-space.ts',
    search: 'const RESERVE_BYTES = 256 * 1024 * 1024;',
    replace: 'const RESERVE_BYTES = 0;',
    suites: [],
  },
  {
    name: 'a damaged history restores only two entries',
    room: 'store',
    file: 'daemon/src/store/history/repair.ts',
    search: 'if (!ID_PATTERN.test(dictation.id) || saved.has(dictation.id)) continue;',
    replace: 'if (!ID_PATTERN.test(dictation.id) || saved.has(dictation.id) || saved.size >= 2) continue;',
    suites: [],
  },
];
