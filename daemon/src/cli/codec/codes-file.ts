/** The codes of one audio file: the JSON of `sotto codec`, and the packed forms. */
import { readFile } from 'node:fs/promises';
import * as v from 'valibot';
import { encodedAudioSchema, type EncodedAudio, type EncodeSummary } from '../../protocol/codec.js';
import { defined } from '../../protocol/defined.js';
import { SottoError } from '../../protocol/errors.js';
import { fileError, TEXT_INPUT } from '../../protocol/file-errors.js';
import { integer } from '../../protocol/fields.js';
import { isPackedCodes, unpackCodes } from '../../store/codes/packed-codes.js';
import { isEcdc, readEcdc, type EncodecShape } from './ecdc-file.js';

const codesFileSchema = v.object({
  ...encodedAudioSchema.entries,
  model: v.exactOptional(v.string()),
  /** In Hz. */
  sampleRate: v.exactOptional(integer),
});
export type CodesFile = v.InferOutput<typeof codesFileSchema>;

/** `frames`: of the codebook with most of them. */
export function codesJson(
  { codes, scales, samples }: EncodedAudio,
  { model, sampleRate }: EncodeSummary & { readonly model: string },
): string {
  const frames = Math.max(0, ...codes.map((list) => list.length));
  return JSON.stringify({ model, sampleRate, samples, frames, codes, ...defined({ scales }) });
}

/**
 * Reads the JSON, a `.codes` or an `.ecdc` file.
 *
 * @param shapeOf the codec that an `.ecdc` file is for: it names none of ours
 * @throws SottoError TEXT_UNREADABLE, INVALID_ARGUMENT
 */
export async function readCodes(path: string, shapeOf: () => Promise<EncodecShape>): Promise<CodesFile> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw fileError(path, error, TEXT_INPUT);
  }
  if (isPackedCodes(bytes)) return unpackCodes(bytes);
  if (isEcdc(bytes)) return readEcdc(bytes, await shapeOf());
  const parsed = v.safeParse(codesFileSchema, parse(bytes.toString()));
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  const field = issue.path?.map(({ key }) => String(key)).join('.');
  throw new SottoError('INVALID_ARGUMENT', `${path} holds no codes: ${field ?? 'it'}: ${issue.message}`, {
    hint: 'make it with `sotto codec encode FILE --output CODES.json`',
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
