/** The error of a rejected safetensors header. */

export type SafetensorsErrorCode =
  | 'SAFETENSORS_UNREADABLE' // no such file, no permission, not a regular file
  | 'SAFETENSORS_TRUNCATED' // the file ends before the header, or before the declared data
  | 'SAFETENSORS_HEADER_SIZE' // header length above the format's limit
  | 'SAFETENSORS_HEADER' // not UTF-8, not JSON, or not the JSON of a safetensors header
  | 'SAFETENSORS_DUPLICATE_KEY'
  | 'SAFETENSORS_NAME' // a name that cannot be a plain object key
  | 'SAFETENSORS_METADATA'
  | 'SAFETENSORS_DTYPE'
  | 'SAFETENSORS_SHAPE'
  | 'SAFETENSORS_OFFSETS' // a tensor's byte range is impossible or does not match dtype × shape
  | 'SAFETENSORS_LAYOUT'; // tensors overlap, leave gaps, or leave bytes unused

/** Why a file was rejected. `message` names the file and, if known, the tensor, and ends with a remedy. */
export class SafetensorsError extends Error {
  override readonly name = 'SafetensorsError';
  readonly code: SafetensorsErrorCode;
  readonly file: string;
  readonly tensor?: string;

  constructor(
    code: SafetensorsErrorCode,
    file: string,
    problem: string,
    remedy: string,
    details: { tensor?: string; cause?: unknown } = {},
  ) {
    const where = details.tensor === undefined ? file : `${file}: tensor ${quote(details.tensor)}`;
    super(
      `${where}: ${problem}. ${remedy}`,
      details.cause === undefined ? undefined : { cause: details.cause },
    );
    this.code = code;
    this.file = file;
    if (details.tensor !== undefined) this.tensor = details.tensor;
  }
}

/** A malicious name may be megabytes long or contain control characters. */
export function quote(name: string): string {
  return JSON.stringify(name.length > 120 ? `${name.slice(0, 120)}…` : name);
}
