/** Downloads models from the Hugging Face Hub. */
export { formatBytes } from './format-bytes.js';
export { parseRepo } from './model-source.js';
export { readRecord, RECORD, type ModelRecord } from './model-record.js';
export {
  pullModelWithFallback,
  type PulledWithFallback,
  type PullWithFallbackEvent,
} from './pull-with-fallback.js';
export { pullModel, type Pulled, type PullEvent, type PullOptions } from './pull.js';
export type { DownloadProgress } from './download-progress.js';
