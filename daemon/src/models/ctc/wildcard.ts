/**
 * A token of an alignment that matches anything, for text that the model has no tokens for. In each frame it costs as much as
 * the best token there and a small penalty.
 */
export const WILDCARD = -1;
