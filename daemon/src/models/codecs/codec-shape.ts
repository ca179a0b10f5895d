import type { Capabilities } from '#daemon/protocol/capabilities.js';

/** What the codes of a codec are. */
export type CodecShape = NonNullable<Capabilities['codec']>;
