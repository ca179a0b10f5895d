const MAX_LISTED_NAMES = 8; // per kind in the message; the fields hold them all

export interface MisshapedWeight {
  readonly name: string;
  /** e.g. `float [384, 80]`: what the layer expects */
  readonly expected: string;
  /** e.g. `float32 [384, 128]`: what it got */
  readonly found: string;
}

/** Weights that do not fit the module. The fields hold every faulty key, the message the first few. */
export class WeightsError extends Error {
  override readonly name = 'WeightsError';
  readonly code = 'WEIGHTS_MISMATCH';
  readonly missing: readonly string[];
  readonly unexpected: readonly string[];
  readonly misshaped: readonly MisshapedWeight[];

  constructor(
    source: string,
    mismatches: {
      missing: readonly string[];
      unexpected: readonly string[];
      misshaped: readonly MisshapedWeight[];
    },
  ) {
    const wrongShapes = mismatches.misshaped.map(
      ({ name, expected, found }) => `${name} (expected ${expected}, found ${found})`,
    );
    const parts = [
      listNames(mismatches.missing, 'missing'),
      listNames(mismatches.unexpected, 'unexpected'),
      listNames(wrongShapes, 'with a different shape or dtype'),
    ];
    super(`${source} does not fit the model: ${parts.filter((part) => part !== '').join('; ')}`);
    this.missing = mismatches.missing;
    this.unexpected = mismatches.unexpected;
    this.misshaped = mismatches.misshaped;
  }
}

function listNames(names: readonly string[], what: string): string {
  if (names.length === 0) return '';
  const rest = names.length > MAX_LISTED_NAMES ? `, and ${names.length - MAX_LISTED_NAMES} more` : '';
  const clipped = names
    .slice(0, MAX_LISTED_NAMES)
    .map((name) => (name.length > 200 ? `${name.slice(0, 200)}…` : name));
  return `${names.length} ${what}: ${clipped.join(', ')}${rest}`;
}
