/**
 * The shell script that the service manager starts. It finds Node anew each time: a version manager takes the old one away
 * when it brings a new one, and an agent that named it would be gone without a word.
 */
import type { AgentPlan } from './agent.js';

/** The oldest Node that runs Sotto. */
const MAJOR = 20;

export function renderLauncher({ nodes, command }: AgentPlan): string {
  const [recorded = '', ...others] = nodes;
  return `#!/bin/sh
# Starts Sotto's daemon. Written by \`sotto agent install\`; changes are lost with the next one.
recorded=${quoted(recorded)}
[ -x "$recorded" ] && exec "$recorded" ${command.map(quoted).join(' ')}
for node in ${[...others.map(quoted), '"$(command -v node)"'].join(' ')}; do
  [ -x "$node" ] || continue
  "$node" -e 'process.exit(parseInt(process.versions.node, 10) >= ${MAJOR} ? 0 : 1)' || continue
  exec "$node" ${command.map(quoted).join(' ')}
done
echo "$(date) Sotto found no Node.js ${MAJOR} or later: install one, then run: sotto agent install" >&2
# A success, so that nobody tries again every few seconds: that would not bring Node back.
exit 0
`;
}

/** A word of the shell that means itself, whatever is in it. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
