/**
 * The one error of Sotto. Every failure that a user or a client can see is a `SottoError` with a code out of
 * a closed list; the HTTP status, the exit code, retryability and the advice all follow from the code.
 */

interface CodeFacts {
  /** Status when the failure is answered over HTTP. */
  readonly httpStatus: number;
  /** Whether the same request may succeed later without anybody changing anything. */
  readonly retryable: boolean;
  /** Exit code of `sotto` when this ends the whole command (1 input, 2 usage, 3 daemon or model, 130 interrupt). */
  readonly exitCode: number;
  /** What to do next, when whoever throws knows nothing better. */
  readonly hint: string;
}

const CODES = {
  MODEL_NOT_FOUND: {
    httpStatus: 404,
    retryable: false,
    exitCode: 3,
    hint: 'leave out --model to use the starter model, or give the path of a model folder',
  },
  MODEL_CORRUPT: {
    httpStatus: 500,
    retryable: false,
    exitCode: 3,
    hint: 'the model folder is damaged: get it again',
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
    hint: 'Sotto reads Whisper models of mlx-community and Hugging Face: config.json beside weights.safetensors or model.safetensors',
  },
  MODEL_EXISTS: {
    httpStatus: 409,
    retryable: false,
    exitCode: 3,
    hint: 'give it another name with --as, or take the other away with `sotto models remove`',
  },
  QUANTIZED_UNAVAILABLE: {
    httpStatus: 404,
    retryable: false,
    exitCode: 3,
    hint: 'take the float16 form, and pack it here with `sotto models quantize`',
  },
  MODEL_NOT_READY: {
    httpStatus: 503,
    retryable: true,
    exitCode: 3,
    hint: 'it is on its way: `sotto daemon status` says how far; try again in a moment',
  },
  MODEL_LOAD_FAILED: {
    httpStatus: 500,
    retryable: true,
    exitCode: 3,
    hint: 'check it with `sotto models verify`, or choose another one with `sotto models use`',
  },
  TOKENIZER_FAILED: {
    httpStatus: 500,
    retryable: false,
    exitCode: 3,
    hint: 'the model’s vocabulary is not one that Sotto has: take a model of the catalogue (`sotto models list`)',
  },
  INSUFFICIENT_MEMORY: {
    httpStatus: 507,
    retryable: false,
    exitCode: 3,
    hint: 'choose a smaller model (`sotto models list`), or allow more with `memory.maxBytes` in settings.json',
  },
  TIMEOUT: {
    httpStatus: 504,
    retryable: true,
    exitCode: 3,
    hint: 'wait longer, or see `sotto daemon status` for what holds it up',
  },
  DOWNLOAD_FAILED: {
    httpStatus: 502,
    retryable: true,
    exitCode: 3,
    hint: 'check the connection, then run the same command again: it goes on where it stopped',
  },
  DOWNLOAD_DENIED: {
    httpStatus: 403,
    retryable: false,
    exitCode: 3,
    hint: 'accept the terms on the page of the model if it has any, and put a token that may read it into HF_TOKEN',
  },
  DOWNLOAD_CORRUPT: {
    httpStatus: 502,
    retryable: true,
    exitCode: 3,
    hint: 'what was wrong has been thrown away: try again, or from another network if a proxy changes what passes through it',
  },
  INSUFFICIENT_DISK: {
    httpStatus: 507,
    retryable: false,
    exitCode: 3,
    hint: 'make room (`sotto models prune` helps), or take a smaller model: see `sotto models list`',
  },
  AUDIO_NOT_FOUND: { httpStatus: 404, retryable: false, exitCode: 1, hint: 'check the path' },
  AUDIO_UNREADABLE: {
    httpStatus: 400,
    retryable: false,
    exitCode: 1,
    hint: 'check the permissions of the file, and that it is an ordinary file',
  },
  AUDIO_EMPTY: { httpStatus: 400, retryable: false, exitCode: 1, hint: 'the file holds no sound' },
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
    hint: 'a worker reads only what its --root names, and addresses of the internet unless --allow-private is given',
  },
  AUDIO_FETCH_FAILED: {
    httpStatus: 502,
    retryable: true,
    exitCode: 1,
    hint: 'check that the address can be reached from the worker, and that its signature has not run out',
  },
  ENGINE_CRASHED: {
    httpStatus: 500,
    retryable: true,
    exitCode: 3,
    hint: 'try again; `sotto daemon status` names the log that says more',
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
    hint: 'start it with `sotto daemon start`, or work without it by --no-daemon',
  },
  DAEMON_LOST: {
    httpStatus: 503,
    retryable: true,
    exitCode: 3,
    hint: 'try again; the log in `sotto daemon status` says why it ended',
  },
  DAEMON_RUNNING: {
    httpStatus: 409,
    retryable: false,
    exitCode: 3,
    hint: 'use the one that runs, or end it with `sotto daemon stop`',
  },
  PORT_TAKEN: {
    httpStatus: 409,
    retryable: false,
    exitCode: 3,
    hint: 'name another one with `sotto serve --port N`; 0 is any that is free',
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
    hint: 'wait for the files before it, then try again',
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
    hint: 'run it again when you want the text',
  },
  OUTPUT_FAILED: {
    httpStatus: 500,
    retryable: false,
    exitCode: 1,
    hint: 'check the output folder: does it exist, may you write there, is the disk full?',
  },
  OUTPUT_EXISTS: {
    httpStatus: 409,
    retryable: false,
    exitCode: 1,
    hint: 'name another file, or add --overwrite to replace it',
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
    hint: 'mount the disk again, then start the worker again: what it was at has gone back to the queue',
  },
  QUEUE_UNAVAILABLE: {
    httpStatus: 503,
    retryable: true,
    exitCode: 3,
    hint: 'is the address right, and does Redis run there? Nothing that was handed in before is lost',
  },
  QUEUE_DENIED: {
    httpStatus: 403,
    retryable: false,
    exitCode: 3,
    hint: 'check the user and the password: they belong into the address, or the password into SOTTO_QUEUE_PASSWORD',
  },
  SESSION_NOT_FOUND: {
    httpStatus: 404,
    retryable: false,
    exitCode: 3,
    hint: 'open it anew and send its audio from the start; `sotto history` has what was finished',
  },
  DICTATION_NOT_FOUND: {
    httpStatus: 404,
    retryable: false,
    exitCode: 1,
    hint: 'it may have been deleted meanwhile: `sotto history list` shows what there is',
  },
  VOCABULARY_BROKEN: {
    httpStatus: 500,
    retryable: false,
    exitCode: 3,
    hint: 'correct it, or move it away and begin anew; it is not written over',
  },
  VOCABULARY_CHANGED: {
    httpStatus: 409,
    retryable: true,
    exitCode: 1,
    hint: 'look at it again, then make your change',
  },
  SPOOL_FAILED: {
    httpStatus: 507,
    retryable: true,
    exitCode: 1,
    hint: 'check Sotto’s folder: may you write there? Until it is mended, what you say is kept in memory only',
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
    hint: 'is a microphone connected, and free? `sotto dictate --list-devices` names those there are',
  },
  MIC_DENIED: {
    httpStatus: 403,
    retryable: false,
    exitCode: 1,
    hint: 'allow your terminal the microphone: System Settings › Privacy & Security › Microphone; and see that it is not muted',
  },
  UNAUTHORISED: {
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
  NOT_SERVED: {
    httpStatus: 404,
    retryable: false,
    exitCode: 3,
    hint: 'GET /openapi.json lists what is served',
  },
  METHOD_NOT_ALLOWED: {
    httpStatus: 405,
    retryable: false,
    exitCode: 3,
    hint: 'GET /openapi.json lists what is served',
  },
  TOO_SLOW: {
    httpStatus: 408,
    retryable: true,
    exitCode: 3,
    hint: 'send it again, faster',
  },
  TOO_LARGE: {
    httpStatus: 413,
    retryable: false,
    exitCode: 1,
    hint: 'send less at once; files of any size are read where they lie by `sotto transcribe`',
  },
  BODY_UNSUPPORTED: {
    httpStatus: 415,
    retryable: false,
    exitCode: 3,
    hint: 'send it as multipart/form-data, as OpenAI’s own clients do',
  },
  UPGRADE_REQUIRED: {
    httpStatus: 426,
    retryable: false,
    exitCode: 3,
    hint: 'open a WebSocket there',
  },
  NOT_YET: {
    httpStatus: 501,
    retryable: false,
    exitCode: 3,
    hint: 'a later version of Sotto will do this',
  },
  PROTOCOL: {
    httpStatus: 400,
    retryable: false,
    exitCode: 3,
    hint: 'client and daemon do not speak the same protocol: update both',
  },
  INVALID_ARGUMENT: { httpStatus: 400, retryable: false, exitCode: 2, hint: 'see `sotto --help`' },
  INTERNAL: {
    httpStatus: 500,
    retryable: false,
    exitCode: 3,
    hint: 'this is a bug in Sotto: please report it with the log that `sotto daemon status` names',
  },
} as const satisfies Record<string, CodeFacts>;

export type ErrorCode = keyof typeof CODES;

/** Every code, in the order of the table. */
export const ERROR_CODES = Object.keys(CODES) as [ErrorCode, ...ErrorCode[]];

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(CODES, value);
}

/** What follows from a code. */
export function factsOf(code: ErrorCode): CodeFacts {
  return CODES[code];
}

/** A `SottoError` as it travels: plain data, no stack, no cause. */
export interface WireError {
  code: ErrorCode;
  message: string;
  hint: string;
  retryable: boolean;
}

export interface SottoErrorExtras {
  /** What the user should do next; the code's own advice when left out. */
  hint?: string;
  retryable?: boolean;
  /** Name of the field that is wrong, where one is. */
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

  constructor(code: ErrorCode, message: string, extras: SottoErrorExtras = {}) {
    super(message, extras.cause === undefined ? undefined : { cause: extras.cause });
    this.code = code;
    this.hint = extras.hint ?? CODES[code].hint;
    this.retryable = extras.retryable ?? CODES[code].retryable;
    this.param = extras.param;
  }

  get httpStatus(): number {
    return CODES[this.code].httpStatus;
  }

  get exitCode(): number {
    return CODES[this.code].exitCode;
  }

  toWire(): WireError {
    return { code: this.code, message: this.message, hint: this.hint, retryable: this.retryable };
  }

  static fromWire(wire: WireError): SottoError {
    return new SottoError(wire.code, wire.message, { hint: wire.hint, retryable: wire.retryable });
  }

  /** Any thrown value as a `SottoError`: one passes through, everything else is wrapped under `fallback`. */
  static from(thrown: unknown, fallback: ErrorCode = 'INTERNAL'): SottoError {
    if (thrown instanceof SottoError) return thrown;
    return new SottoError(fallback, messageOf(thrown), { cause: thrown });
  }
}

/**
 * What anything that was thrown says. Looks at the shape, not at the class: an `Error` may come from another
 * realm, as Node's own do under a test runner.
 */
export function messageOf(thrown: unknown): string {
  const message = field(thrown, 'message') ?? String(thrown);
  return message === '' ? 'unknown failure' : message;
}

/** The `code` of an error of the system or of a library, such as `ENOENT`. */
export function codeOf(thrown: unknown): string | undefined {
  return field(thrown, 'code');
}

function field(thrown: unknown, name: string): string | undefined {
  if (typeof thrown !== 'object' || thrown === null) return undefined;
  const value: unknown = Reflect.get(thrown, name);
  return typeof value === 'string' ? value : undefined;
}
