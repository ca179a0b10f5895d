/** `sotto uninstall`: its options and its help. */
import { InvalidArgumentError, Option, type Command } from 'commander';
import { resolvePaths } from '../paths.js';
import { KEEPABLE, type Keepable } from './uninstall-pieces.js';

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
    .summary('take Sotto off this machine')
    .description(
      'Ends the daemon and the login agent, and takes away all that Sotto has written: program, sockets, logs, caches.\n' +
        'Asks whether your models, past dictations and settings are to be kept.',
    )
    .addOption(
      new Option('--keep <what>', `what stays: ${KEEPABLE.join(', ')}, with commas between`).argParser(
        keepable,
      ),
    )
    .addOption(new Option('--all', 'nothing stays').conflicts('keep'))
    .option('-y, --yes', 'without a question; needs --keep or --all')
    .option('-n, --dry-run', 'say what would go, and do nothing')
    .addHelpText(
      'after',
      '\nExamples:\n  sotto uninstall\n  sotto uninstall --dry-run\n  sotto uninstall --keep models,history --yes\n  sotto uninstall --all --yes',
    )
    .action(async ({ keep, all, yes, dryRun }: Flags) => {
      const { uninstall } = await import('./uninstall.js');
      const stays = all === true ? [] : keep;
      outcome.exitCode = await uninstall(resolvePaths(), {
        yes: yes === true,
        dryRun: dryRun === true,
        ...(stays !== undefined && { keep: stays }),
      });
    });
}

function keepable(text: string): Keepable[] {
  return text.split(',').map((word) => {
    const found = KEEPABLE.find((name) => name === word.trim());
    if (found === undefined) throw new InvalidArgumentError(`It is one of ${KEEPABLE.join(', ')}.`);
    return found;
  });
}
