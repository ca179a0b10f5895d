/** Getting models from the hub. */
export { describeBytes } from './describe-bytes.js';
export { parseRepo } from './model-source.js';
export { readRecord, RECORD, type ModelRecord } from './model-record.js';
export { pullModelOrPlain, type PulledOrPlain, type PullOrPlainEvent } from './pull-or-plain.js';
export { pullModel, type Pulled, type PullEvent, type PullOptions } from './pull.js';
export type { DownloadProgress } from './progress.js';
