/** `sotto update`: how to get a newer version, by the way in which this one was installed. */
import { existsSync } from 'node:fs';
import { join, sep } from 'node:path';
import type { Command } from 'commander';
import { packageRoot } from '../paths.js';
import { SOTTO_VERSION } from '../protocol/version.js';
import { examples } from './help/layout.js';

export function addUpdate(program: Command): void {
  const command = program
    .command('update')
    .summary('show how to update Sotto')
    .description('Show how to update Sotto. It never looks for new versions by itself.')
    .action(() => {
      const way = howToUpdate(packageRoot);
      process.stdout.write(`Sotto ${SOTTO_VERSION} in ${packageRoot}\n${way}\n`);
    });
  command.addHelpText('after', examples(['sotto update']));
}

/** @param root folder of this installation */
export function howToUpdate(root: string): string {
  if (root.includes(`${sep}node_modules${sep}`))
    return 'Download the new release and run: npm i -g sotto-VERSION-SYSTEM.tgz';
  if (existsSync(join(root, '.git'))) return 'Update the clone: git pull && npm ci && npm run setup';
  return 'Download install.sh of the new release and run: sh install.sh';
}
