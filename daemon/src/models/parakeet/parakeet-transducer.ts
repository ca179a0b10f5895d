import { Transducer } from '../transducer/transducer.js';
import type { Parakeet } from './parakeet-network.js';

/** The transducer of a loaded model; undefined if it has CTC alone. */
export function transducerOf({ decoder, joint, config, dtype }: Parakeet): Transducer | undefined {
  if (decoder === null || joint === null || config.transducer === undefined) return undefined;
  return new Transducer(config.transducer, decoder, joint, dtype);
}
