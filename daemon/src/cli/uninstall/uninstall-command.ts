/** `sotto uninstall`: options and help. */
import { InvalidArgumentError, Option, type Command } from 'commander';
import { examples } from '../help/layout.js';
import { resolvePaths } from '../../paths.js';
import { KEEPABLE, type Keepable } from './find-pieces.js';
import { defined } from '../../protocol/defined.js';

type Outcome = { exitCode: number };

interface Flags {
  readonly keep?: readonly Keepable[];
  readonly all?: boolean;
  readonly yes?: boolean;
  readonly dryRun?: boolean;
}

export function addUninstall(program: Command, outcome: Outcome): void {
  program
    .command('uninstall')
    .summary('uninstall Sotto')
    .description(
      'Stop the daemon and the login agent, and remove everything that Sotto has written: program, sockets, logs, ' +
        'caches. Asks whether to keep your models, past dictations and settings.',
    )
    .addOption(
      new Option('--keep <what>', `what to keep, comma-separated: ${KEEPABLE.join(', ')}`).argParser(
        keepable,
      ),
    )
    .addOption(new Option('--all', 'keep nothing').conflicts('keep'))
    .option('-y, --yes', 'don’t ask; needs --keep or --all')
    .option('-n, --dry-run', 'show what would be removed')
    .addHelpText(
      'after',
      examples([
        'sotto uninstall',
        'sotto uninstall --dry-run',
        'sotto uninstall --keep models,history --yes',
        'sotto uninstall --all --yes',
      ]),
    )
    .action(async ({ keep, all, yes, dryRun }: Flags) => {
      const { uninstall } = await import('./uninstall.js');
      const stays = all === true ? [] : keep;
      outcome.exitCode = await uninstall(resolvePaths(), {
        yes: yes === true,
        dryRun: dryRun === true,
        ...defined({ keep: stays }),
      });
    });
}

function keepable(text: string): Keepable[] {
  return text.split(',').map((word) => {
    const found = KEEPABLE.find((name) => name === word.trim());
    if (found === undefined) throw new InvalidArgumentError(`must be one or more of ${KEEPABLE.join(', ')}`);
    return found;
  });
}
