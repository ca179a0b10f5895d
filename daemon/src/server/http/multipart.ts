/**
 * Reads forms with a file (RFC 7578). The file goes to disk as it arrives; fields are kept as text and parsed later, because
 * clients send parts in any order. The parser accepts truncated and oversized parts; here the first of these fails the form and
 * deletes its file.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import type { Busboy } from '@fastify/busboy';
import { messageOf, SottoError } from '../../protocol/errors.js';
import { MAX_UPLOAD_BYTES, Upload } from '../../upload.js';
import { defined } from '../../protocol/defined.js';

export interface FormLimits {
  readonly fileBytes: number;
  readonly fields: number;
  /** Size of one field, and of all fields together. */
  readonly fieldBytes: number;
  readonly fieldsBytes: number;
}

export const FORM_LIMITS: FormLimits = {
  fileBytes: MAX_UPLOAD_BYTES,
  fields: 256,
  fieldBytes: 64 * 1024,
  fieldsBytes: 256 * 1024,
};
const MAX_NAME_LENGTH = 100;
/** Allowance for file bytes between socket and disk, and for the part headers. */
const MAX_UNWRITTEN_BYTES = 4 * 1024 * 1024;
/** RFC 2046 §5.1.1. */
const MAX_BOUNDARY_LENGTH = 70;
/** Only this field is a file, whatever the header of its part says. */
const FILE_FIELD = 'file';

export interface Form {
  /** Values of each field, in order. */
  readonly fields: ReadonlyMap<string, readonly string[]>;
  /** The caller must discard it. */
  readonly file?: Upload;
}

interface FormOptions {
  /** Private folder for the file. */
  readonly folder: string;
  /** Aborted when the client disconnects. */
  readonly signal: AbortSignal;
  readonly limits?: FormLimits;
}

/** The used part of a request. */
export type FormSource = Readable & { readonly headers: IncomingHttpHeaders };

type Parser = InstanceType<typeof Busboy>;

/**
 * Reads a form. If that fails, the rest of the request is discarded, so that the client can read the answer.
 *
 * @throws SottoError UNSUPPORTED_MEDIA_TYPE, INVALID_ARGUMENT, PAYLOAD_TOO_LARGE, INSUFFICIENT_DISK, SPOOL_FAILED, CANCELLED
 */
export async function readForm(source: FormSource, options: FormOptions): Promise<Form> {
  const { limits = FORM_LIMITS } = options;
  const type = checkedType(source.headers);
  const expected = Number(source.headers['content-length'] ?? 0);
  if (expected > limits.fileBytes + limits.fieldsBytes) throw fileTooLarge(limits);
  const upload = await Upload.begin(options.folder, expected);
  const busboy = await import('@fastify/busboy');
  const parser = parserFor(() => new busboy.Busboy(settings(type, limits)));
  return new FormReader(source, parser, upload, limits).read(options.signal);
}

class FormReader {
  readonly #source: FormSource;
  readonly #parser: Parser;
  readonly #upload: Upload;
  readonly #limits: FormLimits;
  readonly #fields = new Map<string, string[]>();
  readonly #broken = new AbortController();
  #bytes = 0;
  #seen = 0;
  #written: Promise<void> | undefined;

  constructor(source: FormSource, parser: Parser, upload: Upload, limits: FormLimits) {
    this.#source = source;
    this.#parser = parser;
    this.#upload = upload;
    this.#limits = limits;
  }

  async read(signal: AbortSignal): Promise<Form> {
    const source = this.#source;
    const abort = (): void => this.#fail(disconnected());
    try {
      await new Promise<void>((resolve, reject) => {
        this.#broken.signal.addEventListener('abort', () =>
          reject(SottoError.from(this.#broken.signal.reason)),
        );
        if (signal.aborted || source.destroyed) abort();
        signal.addEventListener('abort', abort);
        source.on('close', () => {
          if (!source.readableEnded) abort();
        });
        source.on('error', abort);
        this.#listen(resolve);
        source.on('data', (chunk: Buffer) => this.#onData(chunk.length));
        source.pipe(this.#parser);
      });
      await this.#written;
      return {
        fields: this.#fields,
        ...defined({ file: this.#written === undefined ? undefined : this.#upload }),
      };
    } catch (thrown) {
      this.#fail(thrown);
      source.unpipe(this.#parser);
      source.resume();
      await this.#written?.catch(() => undefined);
      await this.#upload.discard();
      throw this.#broken.signal.reason;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  /** Counts all bytes, because the parser reports a field only at its end, and bytes after the form not at all. */
  #onData(bytes: number): void {
    this.#seen += bytes;
    const { fieldsBytes } = this.#limits;
    if (this.#seen - this.#upload.bytes > fieldsBytes + MAX_UNWRITTEN_BYTES)
      this.#fail(tooLarge(`the form without its file is larger than ${fieldsBytes} bytes`, undefined));
  }

  #listen(finished: () => void): void {
    const parser = this.#parser;
    parser.on('field', (name: string | undefined, value, _, isCut) => this.#field(name, value, isCut));
    parser.on('file', (_, stream) => {
      stream.on('limit', () => this.#fail(fileTooLarge(this.#limits)));
      this.#written = this.#upload.write(stream, this.#broken.signal);
      this.#written.catch((thrown: unknown) => this.#fail(thrown));
    });
    parser.on('filesLimit', () => this.#fail(invalid('only one file per request is supported', FILE_FIELD)));
    parser.on('fieldsLimit', () =>
      this.#fail(tooLarge(`the form has more than ${this.#limits.fields} fields`, undefined)),
    );
    parser.on('partsLimit', () => this.#fail(tooLarge('the form has too many parts', undefined)));
    parser.on('error', (error) => this.#fail(error));
    parser.on('finish', finished);
  }

  #field(name: string | undefined, value: string, isCut: boolean): void {
    if (name === undefined) this.#fail(invalid('part of the form has no name', undefined));
    else if (name.length > MAX_NAME_LENGTH) this.#fail(invalid('a field name is too long', undefined));
    else if (isCut) this.#fail(tooLarge(`${name} is larger than ${this.#limits.fieldBytes} bytes`, name));
    else if ((this.#bytes += Buffer.byteLength(value)) > this.#limits.fieldsBytes)
      this.#fail(tooLarge(`the fields together are larger than ${this.#limits.fieldsBytes} bytes`, name));
    else if (this.#fields.has(name)) this.#fields.get(name)?.push(value);
    else this.#fields.set(name, [value]);
  }

  /** The first error counts: the parser may still emit `finish` after one. */
  #fail(thrown: unknown): void {
    if (this.#broken.signal.aborted) return;
    this.#broken.abort(thrown instanceof SottoError ? thrown : malformed(thrown));
  }
}

/** @throws SottoError UNSUPPORTED_MEDIA_TYPE, INVALID_ARGUMENT */
function checkedType(headers: IncomingHttpHeaders): string {
  const { 'content-type': type = '', 'content-encoding': coding = 'identity' } = headers;
  if (coding.toLowerCase() !== 'identity')
    throw new SottoError('UNSUPPORTED_MEDIA_TYPE', 'compressed request bodies are not supported', {
      hint: 'send the body uncompressed: audio hardly gets smaller',
    });
  if (!/^multipart\/form-data *(;|$)/i.test(type))
    throw new SottoError('UNSUPPORTED_MEDIA_TYPE', 'the request body must be multipart/form-data');
  const boundary = /; *boundary=(?:"([^"]*)"|([^;\s]*))/i.exec(type);
  const length = (boundary?.[1] ?? boundary?.[2] ?? '').length;
  if (length < 1 || length > MAX_BOUNDARY_LENGTH)
    throw invalid(`the boundary of the form must have 1 to ${MAX_BOUNDARY_LENGTH} characters`, undefined);
  return type;
}

function settings(type: string, { fileBytes, fieldBytes, fields }: FormLimits) {
  return {
    headers: { 'content-type': type },
    isPartAFile: (name: string | undefined) => name === FILE_FIELD,
    limits: {
      fileSize: fileBytes,
      files: 1,
      fieldSize: fieldBytes,
      fields,
      parts: fields + 2,
      headerPairs: 16,
      headerSize: 8 * 1024,
    },
  };
}

function parserFor(make: () => Parser): Parser {
  try {
    return make();
  } catch (error) {
    throw malformed(error);
  }
}

function malformed(error: unknown): SottoError {
  return new SottoError('INVALID_ARGUMENT', `the form is malformed or truncated: ${messageOf(error)}`, {
    hint: 'send it as multipart/form-data, as OpenAI’s own clients do',
    cause: error,
  });
}

function invalid(message: string, param: string | undefined): SottoError {
  const hint = 'send it as multipart/form-data, as OpenAI’s own clients do';
  return new SottoError('INVALID_ARGUMENT', message, { hint, ...defined({ param }) });
}

function tooLarge(message: string, param: string | undefined): SottoError {
  const hint = 'send the audio in `file`; the other fields are for options';
  return new SottoError('PAYLOAD_TOO_LARGE', message, { hint, ...defined({ param }) });
}

function fileTooLarge({ fileBytes }: FormLimits): SottoError {
  return new SottoError('PAYLOAD_TOO_LARGE', `the file is larger than ${fileBytes} bytes`, {
    param: FILE_FIELD,
  });
}

function disconnected(): SottoError {
  return new SottoError('CANCELLED', 'the client disconnected');
}
