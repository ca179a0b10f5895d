/**
 * Timestamps come in pairs, the end of one segment and the start of the next: no text after the first of a pair, no third
 * after the second. They never decrease, and a segment is never empty.
 */
export const AFTER = { text: 0, firstOfPair: 1, secondOfPair: 2 } as const;
/** The state after a timestamp, by the state before it. */
export const THEN_STAMP = [AFTER.firstOfPair, AFTER.secondOfPair, AFTER.secondOfPair] as const;
/** Minimum distance of a timestamp from the latest one, by state; `NEVER` is beyond all of them. */
const NEVER = 1 << 20;
export const EARLIEST_BEYOND = [1, 0, NEVER] as const;
