/** Codes from outside, checked and laid out for a network. MLX reads out of bounds for a code that no codebook has. */
import { SottoError } from '#daemon/protocol/errors.js';

/** The codebooks of a codec. */
export interface CodebookShape {
  readonly codebooks: number;
  /** Codes that each codebook has. */
  readonly codebookSize: number;
}

/**
 * @param codes one list for each codebook, of the same length
 * @throws SottoError INVALID_ARGUMENT for no or too many codebooks, unequal lengths, and codes that no codebook has
 */
export function checkCodes(
  codes: readonly (readonly number[])[],
  { codebooks, codebookSize }: CodebookShape,
): void {
  if (codes.length === 0 || codes.length > codebooks) {
    throw new SottoError(
      'INVALID_ARGUMENT',
      `the codes have ${codes.length} codebooks; the model has ${codebooks}`,
    );
  }
  const frames = codes[0]?.length ?? 0;
  for (const [i, list] of codes.entries()) {
    if (list.length !== frames) {
      throw new SottoError(
        'INVALID_ARGUMENT',
        `codebook ${i} has ${list.length} codes, codebook 0 has ${frames}`,
      );
    }
    checkRange(list, codebookSize, i);
  }
}

/** @throws SottoError INVALID_ARGUMENT for a code that is no integer below `size` */
export function checkRange(codes: readonly number[], size: number, codebook: number): void {
  const at = codes.findIndex((code) => !Number.isInteger(code) || code < 0 || code >= size);
  if (at < 0) return;
  const message = `code ${at} of codebook ${codebook} is ${codes[at] ?? NaN}; the model has codes 0 … ${size - 1}`;
  throw new SottoError('INVALID_ARGUMENT', message);
}

/** @throws SottoError INVALID_ARGUMENT for more codebooks than the model has */
export function checkedCodebooks(wanted: number | undefined, { codebooks }: CodebookShape): number {
  if (wanted !== undefined && wanted > codebooks) {
    throw new SottoError('INVALID_ARGUMENT', `the model has ${codebooks} codebooks, not ${wanted}`);
  }
  return wanted ?? codebooks;
}
