/** `sotto update`: flags and help. */
import type { Command } from 'commander';
import { packageRoot } from '../../paths.js';
import { SOTTO_VERSION } from '../../protocol/version.js';
import { examples } from '../help/layout.js';

export function addUpdate(program: Command): void {
  const command = program
    .command('update')
    .summary('show how to update Sotto')
    .description(
      'Show how to update Sotto. Checks for a new version only with --check, and never installs it.',
    )
    .option('--check', 'look up the newest version online')
    .action(async ({ check = false }: { check?: boolean }) => {
      const { updateInstructions, isNewer, newestVersion, releaseAddress } =
        await import('./check-for-update.js');
      const printLine = (line: string): void => void process.stdout.write(`${line}\n`);
      printLine(`Sotto ${SOTTO_VERSION} in ${packageRoot}`);
      const address = releaseAddress(packageRoot);
      if (check && address !== undefined) {
        const newest = await newestVersion(address);
        if (!isNewer(newest, SOTTO_VERSION)) return printLine(`The newest version is ${newest}.`);
        printLine(`Sotto ${newest} is available.`);
      } else if (check) printLine('This copy of Sotto has no download address.');
      printLine(updateInstructions(packageRoot));
    });
  command.addHelpText('after', examples(['sotto update', 'sotto update --check']));
}
