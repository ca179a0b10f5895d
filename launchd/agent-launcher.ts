/**
 * The shell script that the service manager starts. It searches for Node at each start: a version manager removes the
 * old version when it installs a new one, and an agent with a fixed path would then fail silently.
 */
import { join } from 'node:path';
import type { AgentPlan } from './agent.js';

/** Oldest Node version that runs Sotto. */
const MIN_NODE_MAJOR = 20;
/** An Intel build of Node runs on a Mac with Apple silicon, but can't load the engine's library. */
const NODE_CHECK = `const { arch, platform, versions } = process;
  process.exit(parseInt(versions.node, 10) >= ${MIN_NODE_MAJOR} && (platform !== "darwin" || arch === "arm64") ? 0 : 1)`;

export function renderLauncher({ nodes, command, successor, user }: AgentPlan): string {
  const [recorded = '', ...others] = nodes;
  const [entry = '', ...args] = command;
  const call = ['"$entry"', ...args.map(shellQuote)].join(' ');
  return `#!/bin/sh
# Starts Sotto's daemon. Written by \`sotto agent install\`; changes are lost with the next one.
# Exits with success when Sotto or Node is missing, because restarting every few seconds would not help.
entry=${shellQuote(entry)}
${successor === undefined ? '' : `[ -f "$entry" ] || entry=${shellQuote(successor)}\n`}[ -f "$entry" ] || { echo "$(date) Sotto was not found at $entry: install it, then run: sotto agent install" >&2; exit 0; }
recorded=${shellQuote(recorded)}
[ -x "$recorded" ] && exec "$recorded" ${call}
# nvm has a folder per version; among those with two digits the last one is the newest.
for newest in ${shellQuote(join(user, '.nvm', 'versions', 'node'))}/v[2-9][0-9].*/bin/node; do :; done
for node in ${[...others.map(shellQuote), '"$newest"', '"$(command -v node)"'].join(' ')}; do
  [ -x "$node" ] || continue
  "$node" -e ${shellQuote(NODE_CHECK)} || continue
  exec "$node" ${call}
done
echo "$(date) Sotto found no Node.js ${MIN_NODE_MAJOR} or later (on a Mac, built for Apple silicon): install one, then run: sotto agent install" >&2
exit 0
`;
}

/** Quotes a word for the shell. */
export function shellQuote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
