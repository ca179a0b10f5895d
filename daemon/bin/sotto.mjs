#!/usr/bin/env node
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const main = new URL('../../dist/daemon/src/cli/main.js', import.meta.url);

if (!existsSync(main)) {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  process.stderr.write(`sotto: it is not built yet — run \`npm run setup\` in ${root}\n`);
  process.exit(3);
}

const { main: run } = await import(main.href);
process.exitCode = await run(process.argv.slice(2));
