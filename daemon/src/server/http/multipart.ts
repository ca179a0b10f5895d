/**
 * Forms with a file in them (RFC 7578). The file goes to disk as it comes, fields are kept as text: what they mean is for
 * whoever knows all of them, since clients send parts in any order. The parser lets much pass that is cut short or too long;
 * here the first such thing ends the form, and nothing is left of it.
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
  /** Of one field, and of all together. */
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
/** Of the file, on its way from the socket to the disk; and of what stands between the parts. */
const MAX_UNWRITTEN_BYTES = 4 * 1024 * 1024;
/** RFC 2046 §5.1.1. */
const MAX_BOUNDARY_LENGTH = 70;
/** The one field that is a file, whatever its part says of itself. */
const FILE_FIELD = 'file';

export interface Form {
  /** Texts of each field, in the order in which they came. */
  readonly fields: ReadonlyMap<string, readonly string[]>;
  /** Belongs to whoever reads the form: it is theirs to discard. */
  readonly file?: Upload;
}

interface FormOptions {
  /** Private folder for the file. */
  readonly folder: string;
  /** Aborted when nobody waits any more. */
  readonly signal: AbortSignal;
  readonly limits?: FormLimits;
}

/** A request, as far as it is looked at. */
export type FormSource = Readable & { readonly headers: IncomingHttpHeaders };

type Parser = InstanceType<typeof Busboy>;

/**
 * Reads all of a form. If it fails, what follows in the request is read and thrown away, so that an answer gets through.
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
  return new FormReader(source, parser, upload, limits).end(options.signal);
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

  async end(signal: AbortSignal): Promise<Form> {
    const source = this.#source;
    const leave = (): void => this.#fail(disconnected());
    try {
      await new Promise<void>((resolve, reject) => {
        this.#broken.signal.addEventListener('abort', () =>
          reject(SottoError.from(this.#broken.signal.reason)),
        );
        if (signal.aborted || source.destroyed) leave();
        signal.addEventListener('abort', leave);
        source.on('close', () => {
          if (!source.readableEnded) leave();
        });
        source.on('error', leave);
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
      signal.removeEventListener('abort', leave);
    }
  }

  /** The parser tells of a field at its end, and of what follows the form not at all: neither need ever come to one. */
  #onData(bytes: number): void {
    this.#seen += bytes;
    const { fieldsBytes } = this.#limits;
    if (this.#seen - this.#upload.bytes > fieldsBytes + MAX_UNWRITTEN_BYTES)
      this.#fail(tooLarge(`what is not the file is longer than ${fieldsBytes} bytes`, undefined));
  }

  #listen(finished: () => void): void {
    const parser = this.#parser;
    parser.on('field', (name: string | undefined, value, _, isCut) => this.#field(name, value, isCut));
    parser.on('file', (_, stream) => {
      stream.on('limit', () => this.#fail(fileTooLarge(this.#limits)));
      this.#written = this.#upload.write(stream, this.#broken.signal);
      this.#written.catch((thrown: unknown) => this.#fail(thrown));
    });
    parser.on('filesLimit', () => this.#fail(invalid('one file is taken at a time', FILE_FIELD)));
    parser.on('fieldsLimit', () =>
      this.#fail(tooLarge(`a form may have ${this.#limits.fields} fields`, undefined)),
    );
    parser.on('partsLimit', () => this.#fail(tooLarge('the form has too many parts', undefined)));
    parser.on('error', (error) => this.#fail(error));
    parser.on('finish', finished);
  }

  #field(name: string | undefined, value: string, isCut: boolean): void {
    if (name === undefined) this.#fail(invalid('a part of the form has no name', undefined));
    else if (name.length > MAX_NAME_LENGTH) this.#fail(invalid('the name of a field is too long', undefined));
    else if (isCut) this.#fail(tooLarge(`${name} is longer than ${this.#limits.fieldBytes} bytes`, name));
    else if ((this.#bytes += Buffer.byteLength(value)) > this.#limits.fieldsBytes)
      this.#fail(tooLarge(`the fields together are longer than ${this.#limits.fieldsBytes} bytes`, name));
    else if (this.#fields.has(name)) this.#fields.get(name)?.push(value);
    else this.#fields.set(name, [value]);
  }

  /** The first reason counts: after an error the parser may well say that it is done. */
  #fail(thrown: unknown): void {
    if (this.#broken.signal.aborted) return;
    this.#broken.abort(thrown instanceof SottoError ? thrown : malformed(thrown));
  }
}

/** @throws SottoError UNSUPPORTED_MEDIA_TYPE, INVALID_ARGUMENT */
function checkedType(headers: IncomingHttpHeaders): string {
  const { 'content-type': type = '', 'content-encoding': coding = 'identity' } = headers;
  if (coding.toLowerCase() !== 'identity')
    throw new SottoError('UNSUPPORTED_MEDIA_TYPE', 'a body that is compressed is not taken', {
      hint: 'send it as it is: audio hardly gets smaller',
    });
  if (!/^multipart\/form-data *(;|$)/i.test(type))
    throw new SottoError('UNSUPPORTED_MEDIA_TYPE', 'the audio has to come in a form');
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
  return new SottoError('INVALID_ARGUMENT', `the form is broken or breaks off: ${messageOf(error)}`, {
    hint: 'send it as multipart/form-data, as OpenAI’s own clients do',
    cause: error,
  });
}

function invalid(message: string, param: string | undefined): SottoError {
  const hint = 'send it as multipart/form-data, as OpenAI’s own clients do';
  return new SottoError('INVALID_ARGUMENT', message, { hint, ...defined({ param }) });
}

function tooLarge(message: string, param: string | undefined): SottoError {
  const hint = 'the audio belongs into `file`; fields are for what is said about it';
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
