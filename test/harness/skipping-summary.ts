/** Groups the skipped tests of a run by the reasons in their titles (skipping.ts). */

/** The used part of Jest's results, in a reporter and in the report of `--json`. */
export interface Results {
  readonly testResults: readonly {
    readonly testResults?: readonly Result[];
    readonly assertionResults?: readonly Result[];
  }[];
}

interface Result {
  readonly fullName: string;
  readonly status: string;
}

interface SkippedGroup {
  readonly reason: string;
  readonly count: number;
  /** The text after the colon of its reasons, each once. */
  readonly details: readonly string[];
}

const NOT_RUN = new Set(['pending', 'skipped', 'disabled']);

/** Skipped tests by reason, most frequent first. Planned tests (`todo`) are one group. */
function skippedGroups({ testResults }: Results): SkippedGroup[] {
  const groups = new Map<string, { count: number; details: Set<string> }>();
  for (const file of testResults) {
    for (const { fullName, status } of file.testResults ?? file.assertionResults ?? []) {
      if (!NOT_RUN.has(status) && status !== 'todo') continue;
      const why = /\[skipped: (.*?)\](?: |$)/.exec(fullName)?.[1];
      const [reason = '', ...details] = (why ?? (status === 'todo' ? 'todo' : 'no reason given')).split(': ');
      const group = groups.get(reason) ?? { count: 0, details: new Set() };
      group.count++;
      if (details.length > 0) group.details.add(details.join(': '));
      groups.set(reason, group);
    }
  }
  return [...groups]
    .map(([reason, { count, details }]) => ({ reason, count, details: [...details] }))
    .sort((a, b) => b.count - a.count || a.reason.localeCompare(b.reason));
}

const MAX_DETAIL_CHARACTERS = 160;

/** The groups as lines; none if every test ran. */
export function skippedSummary(results: Results): string[] {
  const groups = skippedGroups(results);
  if (groups.length === 0) return [];
  const total = groups.reduce((sum, { count }) => sum + count, 0);
  const lines = groups.map(({ reason, count, details }) => {
    const all = details.join('; ');
    const shown = all.length > MAX_DETAIL_CHARACTERS ? `${all.slice(0, MAX_DETAIL_CHARACTERS)}…` : all;
    return `${String(count).padStart(6)}  ${reason}${shown === '' ? '' : ` (${shown})`}`;
  });
  return [`Skipped tests by reason (${total}):`, ...lines];
}
