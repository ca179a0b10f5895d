/** A quantized model of the catalogue, or its float16 form where the hub does not have it: said, never silent. */
import { SottoError } from '../../protocol/errors.js';
import { catalogueEntry, plainFormOf, type CatalogueEntry } from '../catalogue/index.js';
import { pullModel, type Pulled, type PullEvent, type PullOptions } from './pull.js';
import { NoSuchRepository } from './trouble.js';

/** What was wanted, and why it could not be had. */
export interface Unavailable {
  readonly name: string;
  readonly error: SottoError;
}

export type PullOrPlainEvent =
  | PullEvent
  /** Another model comes. */
  | { readonly type: 'instead'; readonly name: string; readonly fallbackFor: Unavailable };

export interface PulledOrPlain extends Pulled {
  readonly fallbackFor?: Unavailable;
}

export interface PullOrPlainOptions extends Omit<PullOptions, 'onEvent'> {
  readonly onEvent?: (event: PullOrPlainEvent) => void;
}

/** @throws SottoError as `pullModel` does: of the float16 form where that was tried */
export async function pullModelOrPlain(options: PullOrPlainOptions): Promise<PulledOrPlain> {
  try {
    return await pullModel(options);
  } catch (error) {
    // Who names a revision wants that one.
    const entry = catalogueEntry(options.wanted);
    const plain = entry === undefined ? undefined : plainFormOf(entry);
    if (entry === undefined || plain === undefined || !isNotThere(error)) throw error;
    const fallbackFor = { name: entry.name, error: unavailable(entry, plain, error) };
    options.onEvent?.({ type: 'instead', name: plain.name, fallbackFor });
    return { ...(await pullModel({ ...options, wanted: plain.name })), fallbackFor };
  }
}

/** What the catalogue names is open to all: one that strangers are not given is not there. */
function isNotThere(error: unknown): boolean {
  return error instanceof SottoError && error.cause instanceof NoSuchRepository;
}

function unavailable(entry: CatalogueEntry, plain: CatalogueEntry, cause: unknown): SottoError {
  return new SottoError('QUANTIZED_UNAVAILABLE', `the hub has no ${entry.precision} form of ${plain.name}`, {
    cause,
    hint: `${plain.name} takes its place; \`sotto models quantize\` packs it here`,
  });
}
