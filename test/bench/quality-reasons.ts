/** Why Sotto's default makes more errors than the best peer does, by kind: written by who looked at the words. */
export const REASONS: Readonly<Record<string, string>> = {};
