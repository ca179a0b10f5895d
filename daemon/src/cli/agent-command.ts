/** `sotto agent`: Sotto from login on. */
import type { Command } from 'commander';
import { resolvePaths } from '../paths.js';

type Outcome = { exitCode: number };

const ACTS = [
  ['install', 'Installs the login agent, or renews it after an upgrade, and starts it.'],
  ['uninstall', 'Ends the agent and takes its files away. Models, settings and history stay.'],
  ['start', 'Starts the agent after it was stopped.'],
  ['stop', 'Ends the agent until the next login.'],
  ['restart', 'Ends the agent and starts it anew.'],
] as const;
export type AgentAct = (typeof ACTS)[number][0];

export function addAgent(program: Command, outcome: Outcome): void {
  const agent = program
    .command('agent')
    .summary('have Sotto ready from login on')
    .description(
      'The login agent: a LaunchAgent on macOS, a user unit of systemd on Linux. It keeps the daemon running, with its\n' +
        'model warm, from login on.',
    )
    .addHelpText('after', '\nExamples:\n  sotto agent install\n  sotto agent status\n  sotto agent doctor');
  for (const [act, description] of ACTS) {
    agent
      .command(act)
      .description(description)
      .addHelpText('after', `\nExample:\n  sotto agent ${act}`)
      .action(async () => {
        const { doWithAgent } = await import('./agent.js');
        outcome.exitCode = await doWithAgent(resolvePaths(), act);
      });
  }
  agent
    .command('status')
    .description('Says whether the agent is installed and runs. Exit code 3 if it does not.')
    .option('--json', 'as one JSON object')
    .addHelpText('after', '\nExamples:\n  sotto agent status\n  sotto agent status --json | jq .state')
    .action(async (flags: { json?: boolean }) => {
      const { agentStatus } = await import('./agent.js');
      outcome.exitCode = await agentStatus(resolvePaths(), flags.json === true);
    });
  agent
    .command('doctor')
    .description(
      'Looks at all that a dictation needs: Node, the addon, the agent, the daemon, its engine, the model, the folders.\n' +
        'Says what is wrong and what to do. Exit code 3 if something is.',
    )
    .option('--json', 'as one JSON object')
    .addHelpText('after', '\nExamples:\n  sotto agent doctor\n  sotto agent doctor --json')
    .action(async (flags: { json?: boolean }) => {
      const { doctor } = await import('./agent.js');
      outcome.exitCode = await doctor(resolvePaths(), flags.json === true);
    });
}
