/**
 * The shell script that the service manager starts. It finds Node anew each time: a version manager takes the old one away
 * when it brings a new one, and an agent that named it would be gone without a word.
 */
import { join } from 'node:path';
import type { AgentPlan } from './agent.js';

/** The oldest Node that runs Sotto. */
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
# What ends with success is not tried again every few seconds: that would bring neither Sotto nor Node back.
entry=${shellQuote(entry)}
${successor === undefined ? '' : `[ -f "$entry" ] || entry=${shellQuote(successor)}\n`}[ -f "$entry" ] || { echo "$(date) Sotto is gone from $entry: install it, then run: sotto agent install" >&2; exit 0; }
recorded=${shellQuote(recorded)}
[ -x "$recorded" ] && exec "$recorded" ${call}
# nvm has a folder for each version; of those with two digits the last one is the newest.
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

/** A word of the shell that means itself, whatever is in it. */
export function shellQuote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
