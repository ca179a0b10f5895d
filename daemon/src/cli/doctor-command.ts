/** `sotto doctor`, also `sotto agent doctor`: its flags and its help. */
import type { Command } from 'commander';
import { resolvePaths } from '../paths.js';
import { examples } from './help/layout.js';

export function addDoctor(parent: Command, outcome: { exitCode: number }): void {
  const command = parent
    .command('doctor')
    .summary('check everything dictation needs')
    .description(
      'Check everything dictation needs and show how to fix problems: Node, addon, folders, settings, model, agent, ' +
        'daemon, engine. Exit code 3 if something is wrong.',
    )
    .option('--selftest', 'test this machine in under 3 minutes; writes a report to send in')
    .option('--json', 'print one JSON object; progress goes to stderr')
    .action(async (flags: { selftest?: boolean; json?: boolean }) => {
      if (flags.selftest === true) {
        const { selftest } = await import('./selftest/run-selftest.js');
        outcome.exitCode = await selftest(resolvePaths(), flags.json === true);
        return;
      }
      const { doctor } = await import('./agent/agent-actions.js');
      outcome.exitCode = await doctor(resolvePaths(), flags.json === true);
    });
  command.addHelpText('after', examples(['sotto doctor', 'sotto doctor --json', 'sotto doctor --selftest']));
}
