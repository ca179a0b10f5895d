/** The record in a pulled model's directory: its source, and the hashes of its files. */
import { join } from 'node:path';
import { MODEL_FILE } from '../../protocol/file-errors.js';
import { readSmallFile } from '../../read-small-file.js';
import { isSafeName } from './safe-path.js';

/** Hidden, so that no loader reads it. */
export const RECORD = '.sotto-model.json';
/** Far more than the names and hashes of any model's files. */
const MAX_RECORD_BYTES = 2 ** 20;

export interface ModelRecord {
  readonly version: 1;
  readonly repo: string;
  readonly revision: string;
  /** ISO 8601. */
  readonly pulledAt: string;
  readonly files: readonly RecordedFile[];
}

interface RecordedFile {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** Undefined if the model wasn't pulled, or its record can't be read. */
export function readRecord(dir: string): ModelRecord | undefined {
  try {
    return recordFrom(JSON.parse(readSmallFile(join(dir, RECORD), MAX_RECORD_BYTES, MODEL_FILE)));
  } catch {
    return undefined;
  }
}

/**
 * Checked by hand: every command looks for models, and a schema library takes longer to load than this whole
 * module.
 */
function recordFrom(json: unknown): ModelRecord | undefined {
  const { version, repo, revision, pulledAt, files } = fieldsOf(json);
  if (version !== 1 || typeof repo !== 'string' || typeof pulledAt !== 'string') return undefined;
  if (typeof revision !== 'string' || !/^[0-9a-f]{40}$/.test(revision) || !Array.isArray(files))
    return undefined;
  const recorded = files.map(fileFrom);
  if (recorded.length === 0 || recorded.includes(undefined)) return undefined;
  return { version, repo, revision, pulledAt, files: recorded.filter((file) => file !== undefined) };
}

function fileFrom(json: unknown): RecordedFile | undefined {
  const { name, bytes, sha256 } = fieldsOf(json);
  if (
    typeof name !== 'string' ||
    !isSafeName(name) ||
    typeof bytes !== 'number' ||
    typeof sha256 !== 'string'
  )
    return undefined;
  return /^[0-9a-f]{64}$/.test(sha256) ? { name, bytes, sha256 } : undefined;
}

function fieldsOf(json: unknown): Readonly<Record<string, unknown>> {
  return typeof json === 'object' && json !== null ? { ...json } : {};
}
