/** The arrays of a model directory by the names of our network, whatever the names in the files. */
import { readdir } from 'node:fs/promises';

import { SottoError } from '#daemon/protocol/errors.js';
import type { MxArray } from '#native/index.js';

import { asModelError, formatNames } from './model-error.js';
import { openWeights, type WeightStore } from './weight-store.js';

/** What a stored array is: a weight of the network, or something that the family names. */
export type ArrayRole<Other extends string = never> =
  | { readonly role: 'weight'; readonly name: string }
  | { readonly role: 'ignored' }
  | { readonly role: Other };

/** A naming scheme for the arrays of a checkpoint. */
export interface Naming<Other extends string = never> {
  readonly layout: string;
  readonly recognizes: (names: ReadonlySet<string>) => boolean;
  /** Undefined for a name that does not belong to the network. */
  readonly roleOf: (stored: string) => ArrayRole<Other> | undefined;
}

/** The naming schemes of a family. */
export interface Namings<Other extends string = never> {
  /** For messages, such as `Whisper`. */
  readonly family: string;
  readonly schemes: readonly Naming<Other>[];
}

export interface NamedArrays<Other extends string = never> {
  readonly layout: string;
  /** The weights file, or the directory of several; for messages. */
  readonly location: string;
  /** Paths of the weights files. */
  readonly files: readonly string[];
  /** Names of all weights in the network. */
  readonly names: ReadonlySet<string>;
  /** A weight as stored; the caller owns it. Call once per name. */
  weight(name: string): Promise<MxArray>;
  /** An array that is no weight; undefined if it is not stored. The caller owns it. Call once per role. */
  other(role: Other): Promise<MxArray | undefined>;
  /** Frees the arrays that were not requested. */
  close(): void;
}

/**
 * Opens the weights of a model directory. Only the contents of the files count, not their names or the directory's.
 *
 * @throws SottoError MODEL_CORRUPT or MODEL_UNSUPPORTED, naming the file and the faulty keys
 */
export async function openNamedArrays<Other extends string>(
  dir: string,
  namings: Namings<Other>,
): Promise<NamedArrays<Other>> {
  let store: WeightStore | undefined;
  try {
    store = await openWeights(dir, await readdir(dir));
    return namedArrays(dir, namings, store);
  } catch (error) {
    store?.close();
    throw asModelError(error, dir);
  }
}

function namedArrays<Other extends string>(
  dir: string,
  { family, schemes }: Namings<Other>,
  store: WeightStore,
): NamedArrays<Other> {
  const location = store.files.length === 1 ? (store.files[0] ?? dir) : dir;
  const naming = schemes.find(({ recognizes }) => recognizes(store.names));
  if (naming === undefined) {
    throw new SottoError(
      'MODEL_UNSUPPORTED',
      `${location}: not ${family} weights; found ${formatNames([...store.names])}`,
    );
  }
  const weights = new Map<string, string>();
  const roles = new Map<string, string>();
  const unknown: string[] = [];
  for (const stored of store.names) {
    const role = naming.roleOf(stored);
    if (role === undefined) unknown.push(stored);
    else if (!('name' in role)) roles.set(role.role, stored);
    else if (weights.has(role.name)) {
      throw new SottoError(
        'MODEL_CORRUPT',
        `${location}: ${stored} and ${weights.get(role.name) ?? ''} are the same array`,
      );
    } else weights.set(role.name, stored);
  }
  if (unknown.length > 0) {
    throw new SottoError('MODEL_UNSUPPORTED', `${location}: unknown arrays: ${formatNames(unknown)}`);
  }
  return {
    layout: naming.layout,
    location,
    files: store.files,
    names: new Set(weights.keys()),
    weight: async (name) => {
      const stored = weights.get(name);
      if (stored === undefined) throw new RangeError(`${name} is not in ${location}`);
      return store.array(stored);
    },
    other: async (role) => {
      const stored = roles.get(role);
      return stored === undefined ? undefined : store.array(stored);
    },
    close: () => store.close(),
  };
}
