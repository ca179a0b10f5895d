/** A quantized model of the catalogue, or its float16 form where the hub does not have it: said, never silent. */
import { SottoError } from '../../protocol/errors.js';
import { catalogueEntry, unquantizedFormOf, type CatalogueEntry } from '../catalogue/index.js';
import { pullModel, type Pulled, type PullEvent, type PullOptions } from './pull.js';
import { RepositoryNotFoundError } from './download-errors.js';

/** What was wanted, and why it could not be had. */
interface Unavailable {
  readonly name: string;
  readonly error: SottoError;
}

export type PullWithFallbackEvent =
  | PullEvent
  /** Another model comes. */
  | { readonly type: 'fallback'; readonly name: string; readonly fallbackFor: Unavailable };

export interface PulledWithFallback extends Pulled {
  readonly fallbackFor?: Unavailable;
}

interface PullWithFallbackOptions extends Omit<PullOptions, 'onEvent'> {
  readonly onEvent?: (event: PullWithFallbackEvent) => void;
}

/** @throws SottoError as `pullModel` does: of the float16 form where that was tried */
export async function pullModelWithFallback(options: PullWithFallbackOptions): Promise<PulledWithFallback> {
  try {
    return await pullModel(options);
  } catch (error) {
    // Who names a revision wants that one.
    const entry = catalogueEntry(options.wanted);
    const plain = entry === undefined ? undefined : unquantizedFormOf(entry);
    if (entry === undefined || plain === undefined || !isMissing(error)) throw error;
    const fallbackFor = { name: entry.name, error: unavailable(entry, plain, error) };
    options.onEvent?.({ type: 'fallback', name: plain.name, fallbackFor });
    return { ...(await pullModel({ ...options, wanted: plain.name })), fallbackFor };
  }
}

/** What the catalogue names is open to all: one that strangers are not given is not there. */
function isMissing(error: unknown): boolean {
  return error instanceof SottoError && error.cause instanceof RepositoryNotFoundError;
}

function unavailable(entry: CatalogueEntry, plain: CatalogueEntry, cause: unknown): SottoError {
  return new SottoError('QUANTIZED_UNAVAILABLE', `the hub has no ${entry.precision} form of ${plain.name}`, {
    cause,
    hint: `${plain.name} takes its place; \`sotto models quantize\` packs it here`,
  });
}
