/** Pulls a quantized model of the catalogue, or its float16 form if the Hub doesn't have it, and reports that. */
import { SottoError } from '../../protocol/errors.js';
import { catalogueEntry, unquantizedFormOf, type CatalogueEntry } from '../catalogue/index.js';
import { pullModel, type Pulled, type PullEvent, type PullOptions } from './pull.js';
import { RepositoryNotFoundError } from './download-errors.js';

/** The requested model, and why it isn't available. */
interface Unavailable {
  readonly name: string;
  readonly error: SottoError;
}

export type PullWithFallbackEvent =
  | PullEvent
  /** Another model is pulled instead. */
  | { readonly type: 'fallback'; readonly name: string; readonly fallbackFor: Unavailable };

export interface PulledWithFallback extends Pulled {
  readonly fallbackFor?: Unavailable;
}

interface PullWithFallbackOptions extends Omit<PullOptions, 'onEvent'> {
  readonly onEvent?: (event: PullWithFallbackEvent) => void;
}

/** @throws SottoError as `pullModel`; the error of the float16 form if that was tried */
export async function pullModelWithFallback(options: PullWithFallbackOptions): Promise<PulledWithFallback> {
  try {
    return await pullModel(options);
  } catch (error) {
    // An explicit revision has no fallback.
    const entry = catalogueEntry(options.wanted);
    const plain = entry === undefined ? undefined : unquantizedFormOf(entry);
    if (entry === undefined || plain === undefined || !isMissing(error)) throw error;
    const fallbackFor = { name: entry.name, error: unavailable(entry, plain, error) };
    options.onEvent?.({ type: 'fallback', name: plain.name, fallbackFor });
    return { ...(await pullModel({ ...options, wanted: plain.name })), fallbackFor };
  }
}

/** Models of the catalogue are public, so a denied one doesn't exist. */
function isMissing(error: unknown): boolean {
  return error instanceof SottoError && error.cause instanceof RepositoryNotFoundError;
}

function unavailable(entry: CatalogueEntry, plain: CatalogueEntry, cause: unknown): SottoError {
  return new SottoError(
    'QUANTIZED_UNAVAILABLE',
    `Hugging Face has no ${entry.precision} form of ${plain.name}`,
    {
      cause,
      hint: `${plain.name} is used instead; \`sotto models quantize\` can quantize it`,
    },
  );
}
