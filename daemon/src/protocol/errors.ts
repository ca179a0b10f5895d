/**
 * Every failure that a user or a client can see is a `SottoError` with a code from a closed list. The HTTP status, exit code,
 * retryability and default hint follow from the code.
 */

import { defined } from './defined.js';

interface CodeInfo {
  readonly httpStatus: number;
  /** Whether the same request may succeed later without any change. */
  readonly retryable: boolean;
  /** Exit code of a command that ends with this error: 1 input, 2 usage, 3 daemon or model, 130 interrupt. */
  readonly exitCode: number;
  /** Default hint; the caller may pass a better one. */
  readonly hint: string;
}

const CODES = {
  MODEL_NOT_FOUND: {
    httpStatus: 404,
    retryable: false,
    exitCode: 3,
    hint: 'omit --model to use the included model, or pass a model folder',
  },
  MODEL_CORRUPT: {
    httpStatus: 500,
    retryable: false,
    exitCode: 3,
    hint: 'the model folder is damaged: download the model again',
  },
  MODEL_UNREADABLE: {
    httpStatus: 500,
    retryable: false,
    exitCode: 3,
    hint: 'check the permissions of the model folder and its files',
  },
  MODEL_UNSUPPORTED: {
    httpStatus: 400,
    retryable: false,
    exitCode: 3,
    hint: 'use a model that `sotto models list --all` shows, or one of the same kind with config.json and safetensors',
  },
  MODEL_EXISTS: {
    httpStatus: 409,
    retryable: false,
    exitCode: 3,
    hint: 'choose another name with --as, or remove it with `sotto models remove`',
  },
  QUANTIZED_UNAVAILABLE: {
    httpStatus: 404,
    retryable: false,
    exitCode: 3,
    hint: 'pull the float16 model, then quantize it with `sotto models quantize`',
  },
  MODEL_NOT_READY: {
    httpStatus: 503,
    retryable: true,
    exitCode: 3,
    hint: 'still loading; try again in a moment (`sotto daemon status`)',
  },
  MODEL_LOAD_FAILED: {
    httpStatus: 500,
    retryable: true,
    exitCode: 3,
    hint: 'check it with `sotto models verify`, or choose another with `sotto models use`',
  },
  TOKENIZER_FAILED: {
    httpStatus: 500,
    retryable: false,
    exitCode: 3,
    hint: 'Sotto doesn’t have this model’s vocabulary; choose a model from `sotto models list`',
  },
  INSUFFICIENT_MEMORY: {
    httpStatus: 507,
    retryable: false,
    exitCode: 3,
    hint: 'choose a smaller model (`sotto models list`), or raise `memory.maxBytes` in settings.json',
  },
  TIMEOUT: {
    httpStatus: 504,
    retryable: true,
    exitCode: 3,
    hint: 'wait longer, or find the cause with `sotto daemon status`',
  },
  DOWNLOAD_FAILED: {
    httpStatus: 502,
    retryable: true,
    exitCode: 3,
    hint: 'check the connection, then run the same command again: it resumes',
  },
  DOWNLOAD_DENIED: {
    httpStatus: 403,
    retryable: false,
    exitCode: 3,
    hint: 'accept the model’s terms on Hugging Face, and set HF_TOKEN',
  },
  DOWNLOAD_CORRUPT: {
    httpStatus: 502,
    retryable: true,
    exitCode: 3,
    hint: 'the bad data was discarded; try again, or use another network if a proxy modifies downloads',
  },
  INSUFFICIENT_DISK: {
    httpStatus: 507,
    retryable: false,
    exitCode: 3,
    hint: 'free up space (`sotto models prune`), or choose a smaller model',
  },
  AUDIO_NOT_FOUND: { httpStatus: 404, retryable: false, exitCode: 1, hint: 'check the path' },
  AUDIO_UNREADABLE: {
    httpStatus: 400,
    retryable: false,
    exitCode: 1,
    hint: 'check the file’s permissions, and that it is a regular file',
  },
  AUDIO_EMPTY: { httpStatus: 400, retryable: false, exitCode: 1, hint: 'the file has no audio' },
  AUDIO_UNSUPPORTED: {
    httpStatus: 415,
    retryable: false,
    exitCode: 1,
    hint: 'convert it to WAV, FLAC, MP3, M4A, OGG, WebM or AIFF',
  },
  AUDIO_TRUNCATED: {
    httpStatus: 400,
    retryable: false,
    exitCode: 1,
    hint: 'the file ends early: copy or export it again',
  },
  AUDIO_REFUSED: {
    httpStatus: 403,
    retryable: false,
    exitCode: 1,
    hint: 'a worker reads only --root folders and public URLs; --allow-private permits private addresses, too',
  },
  AUDIO_FETCH_FAILED: {
    httpStatus: 502,
    retryable: true,
    exitCode: 1,
    hint: 'check that the worker can reach the URL, and that its signature hasn’t expired',
  },
  ENGINE_CRASHED: {
    httpStatus: 500,
    retryable: true,
    exitCode: 3,
    hint: 'try again; `sotto daemon status` shows the log file',
  },
  ENGINE_UNAVAILABLE: {
    httpStatus: 503,
    retryable: true,
    exitCode: 3,
    hint: 'see `sotto daemon status`',
  },
  ENGINE_OOM: {
    httpStatus: 503,
    retryable: true,
    exitCode: 3,
    hint: 'close other programs that use the GPU, or choose a smaller model',
  },
  DAEMON_UNAVAILABLE: {
    httpStatus: 503,
    retryable: true,
    exitCode: 3,
    hint: 'run `sotto daemon start`, or use --no-daemon',
  },
  DAEMON_LOST: {
    httpStatus: 503,
    retryable: true,
    exitCode: 3,
    hint: 'try again; `sotto daemon status` shows the log file',
  },
  DAEMON_RUNNING: {
    httpStatus: 409,
    retryable: false,
    exitCode: 3,
    hint: 'use the running daemon, or stop it with `sotto daemon stop`',
  },
  PORT_TAKEN: {
    httpStatus: 409,
    retryable: false,
    exitCode: 3,
    hint: 'choose another with `sotto serve --port N` (0: any free port)',
  },
  VERSION_MISMATCH: {
    httpStatus: 426,
    retryable: false,
    exitCode: 3,
    hint: 'run `sotto daemon stop` and try again',
  },
  BUSY: {
    httpStatus: 503,
    retryable: true,
    exitCode: 1,
    hint: 'wait for the files ahead in the queue, then try again',
  },
  SLOW_READER: {
    httpStatus: 503,
    retryable: true,
    exitCode: 1,
    hint: 'read the events as they arrive',
  },
  CANCELLED: {
    httpStatus: 499,
    retryable: false,
    exitCode: 130,
    hint: 'run it again',
  },
  OUTPUT_FAILED: {
    httpStatus: 500,
    retryable: false,
    exitCode: 1,
    hint: 'check that the output folder exists and is writable, and that the disk isn’t full',
  },
  OUTPUT_EXISTS: {
    httpStatus: 409,
    retryable: false,
    exitCode: 1,
    hint: 'choose another file, or add --overwrite to replace it',
  },
  FILE_FAILED: {
    httpStatus: 500,
    retryable: false,
    exitCode: 1,
    hint: 'check the path and its permissions',
  },
  SHARE_GONE: {
    httpStatus: 503,
    retryable: true,
    exitCode: 3,
    hint: 'mount the disk and restart the worker; its files went back to the queue',
  },
  QUEUE_UNAVAILABLE: {
    httpStatus: 503,
    retryable: true,
    exitCode: 3,
    hint: 'check the address and that Redis is running; queued files are kept',
  },
  QUEUE_DENIED: {
    httpStatus: 403,
    retryable: false,
    exitCode: 3,
    hint: 'check the user and password in the address, or set SOTTO_QUEUE_PASSWORD',
  },
  SESSION_NOT_FOUND: {
    httpStatus: 404,
    retryable: false,
    exitCode: 3,
    hint: 'open a new session and resend all audio; `sotto history` lists finished dictations',
  },
  DICTATION_NOT_FOUND: {
    httpStatus: 404,
    retryable: false,
    exitCode: 1,
    hint: 'it may have been deleted; see `sotto history list`',
  },
  VOCABULARY_CORRUPT: {
    httpStatus: 500,
    retryable: false,
    exitCode: 3,
    hint: 'fix the file, or move it away to start over; Sotto won’t overwrite it',
  },
  VOCABULARY_CHANGED: {
    httpStatus: 409,
    retryable: true,
    exitCode: 1,
    hint: 'reload it, then try again',
  },
  SPOOL_FAILED: {
    httpStatus: 507,
    retryable: true,
    exitCode: 1,
    hint: 'check that Sotto’s folder is writable; until this is fixed, audio is kept in memory only',
  },
  DICTATION_TOO_LONG: {
    httpStatus: 413,
    retryable: false,
    exitCode: 1,
    hint: 'start another dictation to continue; the text so far is in the history',
  },
  AGENT_FAILED: {
    httpStatus: 500,
    retryable: true,
    exitCode: 3,
    hint: 'see `sotto agent doctor`',
  },
  MIC_UNAVAILABLE: {
    httpStatus: 503,
    retryable: true,
    exitCode: 1,
    hint: 'check that a microphone is connected and not in use (`sotto dictate --list-devices`)',
  },
  MIC_DENIED: {
    httpStatus: 403,
    retryable: false,
    exitCode: 1,
    hint: 'give your terminal microphone access: System Settings › Privacy & Security › Microphone',
  },
  UNAUTHORIZED: {
    httpStatus: 403,
    retryable: false,
    exitCode: 3,
    hint: 'connect as the user who runs Sotto',
  },
  TOKEN_REJECTED: {
    httpStatus: 401,
    retryable: false,
    exitCode: 3,
    hint: 'send it as `Authorization: Bearer …`; `sotto token show` prints it',
  },
  NOT_FOUND: {
    httpStatus: 404,
    retryable: false,
    exitCode: 3,
    hint: 'GET /openapi.json lists the API',
  },
  METHOD_NOT_ALLOWED: {
    httpStatus: 405,
    retryable: false,
    exitCode: 3,
    hint: 'GET /openapi.json lists the API',
  },
  REQUEST_TIMEOUT: {
    httpStatus: 408,
    retryable: true,
    exitCode: 3,
    hint: 'send the request again, faster',
  },
  PAYLOAD_TOO_LARGE: {
    httpStatus: 413,
    retryable: false,
    exitCode: 1,
    hint: 'send a smaller request; `sotto transcribe` reads files of any size',
  },
  UNSUPPORTED_MEDIA_TYPE: {
    httpStatus: 415,
    retryable: false,
    exitCode: 3,
    hint: 'send it as multipart/form-data, as OpenAI’s own clients do',
  },
  UPGRADE_REQUIRED: {
    httpStatus: 426,
    retryable: false,
    exitCode: 3,
    hint: 'connect with a WebSocket client',
  },
  PROTOCOL: {
    httpStatus: 400,
    retryable: false,
    exitCode: 3,
    hint: 'client and daemon use different protocols: update both',
  },
  INVALID_ARGUMENT: { httpStatus: 400, retryable: false, exitCode: 2, hint: 'see `sotto --help`' },
  INTERNAL: {
    httpStatus: 500,
    retryable: false,
    exitCode: 3,
    hint: 'this is a bug in Sotto: please report it with the log that `sotto daemon status` shows',
  },
} as const satisfies Record<string, CodeInfo>;

export type ErrorCode = keyof typeof CODES;

/** Every code, in the order of the table. */
export const ERROR_CODES = Object.keys(CODES) as [ErrorCode, ...ErrorCode[]];

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(CODES, value);
}

export function codeInfo(code: ErrorCode): CodeInfo {
  return CODES[code];
}

/** A `SottoError` in a message: plain data without stack and cause. */
export interface WireError {
  code: ErrorCode;
  message: string;
  hint: string;
  retryable: boolean;
  param?: string;
}

export interface SottoErrorOptions {
  /** What the user should do next; the hint of the code by default. */
  hint?: string;
  retryable?: boolean;
  /** Name of the invalid field, if there is one. */
  param?: string;
  cause?: unknown;
}

/**
 * @example
 * throw new SottoError('AUDIO_EMPTY', 'the file is 0 bytes long', { hint: 'record it again' });
 */
export class SottoError extends Error {
  override readonly name = 'SottoError';
  readonly code: ErrorCode;
  readonly hint: string;
  readonly retryable: boolean;
  readonly param: string | undefined;

  constructor(code: ErrorCode, message: string, options: SottoErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint ?? CODES[code].hint;
    this.retryable = options.retryable ?? CODES[code].retryable;
    this.param = options.param;
  }

  get httpStatus(): number {
    return CODES[this.code].httpStatus;
  }

  get exitCode(): number {
    return CODES[this.code].exitCode;
  }

  /** The same error of another field. */
  withParam(param: string): SottoError {
    const { code, message, hint, retryable } = this;
    return new SottoError(code, message, { hint, retryable, param, cause: this });
  }

  toWire(): WireError {
    const { code, message, hint, retryable, param } = this;
    return { code, message, hint, retryable, ...defined({ param }) };
  }

  static fromWire({ code, message, ...options }: WireError): SottoError {
    return new SottoError(code, message, options);
  }

  /** Converts any thrown value: a `SottoError` is returned unchanged, anything else is wrapped with the code `fallback`. */
  static from(thrown: unknown, fallback: ErrorCode = 'INTERNAL'): SottoError {
    if (thrown instanceof SottoError) return thrown;
    return new SottoError(fallback, messageOf(thrown), { cause: thrown });
  }
}

/**
 * The message of any thrown value. Checks the shape instead of the class, because an `Error` may come from another realm, as
 * Node's own errors do under a test runner.
 */
export function messageOf(thrown: unknown): string {
  const message = field(thrown, 'message') ?? String(thrown);
  return message === '' ? 'unknown failure' : message;
}

/** The `code` of a system or library error, such as `ENOENT`. */
export function codeOf(thrown: unknown): string | undefined {
  return field(thrown, 'code');
}

function field(thrown: unknown, name: string): string | undefined {
  if (typeof thrown !== 'object' || thrown === null) return undefined;
  const value: unknown = Reflect.get(thrown, name);
  return typeof value === 'string' ? value : undefined;
}
