/**
 * Timestamps come in pairs, the end of one segment and the start of the next. After the first of a pair no text may
 * follow, after the second no third. They never go back, and a segment is never of no length.
 */
export const AFTER = { text: 0, firstOfPair: 1, secondOfPair: 2 } as const;
/** What a timestamp makes of each of `AFTER`. */
export const THEN_STAMP = [AFTER.firstOfPair, AFTER.secondOfPair, AFTER.secondOfPair] as const;
/** The earliest timestamp that may follow each of `AFTER`, beyond the latest one; never is beyond all of them. */
const NEVER = 1 << 20;
export const EARLIEST_BEYOND = [1, 0, NEVER] as const;
