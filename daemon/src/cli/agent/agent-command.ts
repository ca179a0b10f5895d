/** `sotto agent`: its commands and help. */
import type { Command } from 'commander';
import { addDoctor } from '../doctor-command.js';
import { examples } from '../help/layout.js';
import { resolvePaths } from '../../paths.js';

type Outcome = { exitCode: number };

const ACTIONS = [
  ['install', 'Install the login agent, or update it after an upgrade, and start it.'],
  ['uninstall', 'Stop the agent and remove its files. Models, settings and history are kept.'],
  ['start', 'Start the agent after it was stopped.'],
  ['stop', 'Stop the agent until the next login.'],
  ['restart', 'Restart the agent.'],
] as const;
export type AgentAction = (typeof ACTIONS)[number][0];

export function addAgent(program: Command, outcome: Outcome): void {
  const agent = program
    .command('agent')
    .summary('start Sotto at login')
    .description(
      'Manage the login agent, which keeps the daemon running and its model loaded: a LaunchAgent on macOS, a systemd ' +
        'user unit on Linux.',
    )
    .addHelpText('after', examples(['sotto agent install', 'sotto agent status', 'sotto agent doctor']));
  for (const [action, description] of ACTIONS) {
    agent
      .command(action)
      .description(description)
      .addHelpText('after', examples([`sotto agent ${action}`]))
      .action(async () => {
        const { runAgentAction } = await import('./agent-actions.js');
        outcome.exitCode = await runAgentAction(resolvePaths(), action);
      });
  }
  agent
    .command('status')
    .description('Show whether the login agent is installed and running (exit code 3 if not).')
    .option('--json', 'print one JSON object')
    .addHelpText('after', examples(['sotto agent status', 'sotto agent status --json | jq .state']))
    .action(async (flags: { json?: boolean }) => {
      const { agentStatus } = await import('./agent-actions.js');
      outcome.exitCode = await agentStatus(resolvePaths(), flags.json === true);
    });
  addDoctor(agent, outcome);
}
