/** Past dictations. Loads SQLite: import this where it is needed, not when a command starts. */
export type { StoredDictation, DictationState } from './stored-dictation.js';
export { STATES } from './stored-dictation.js';
export {
  History,
  type SearchResult,
  type HistoryOptions,
  type ListOptions,
  type SearchOptions,
} from './history.js';
export { applyRetention } from './retention.js';
export type { Range } from './snippet.js';
