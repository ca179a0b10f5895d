/** `sotto completion`: prints a script that completes commands and options. */
import { Argument, type Command } from 'commander';
import { examples } from '../help/layout.js';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

export function addCompletion(program: Command): void {
  const command = program
    .command('completion')
    .summary('print a completion script for your shell')
    .description('Print a script that completes commands and options in your shell.')
    .addArgument(new Argument('<shell>', 'shell that runs the script').choices(SHELLS))
    .action(async (shell: Shell) => {
      const { completionTree } = await import('./completion-tree.js');
      process.stdout.write((await scriptFor(shell))(completionTree(program)));
    });
  command.addHelpText(
    'after',
    examples([
      ['eval "$(sotto completion bash)"', 'in ~/.bashrc'],
      ['eval "$(sotto completion zsh)"', 'in ~/.zshrc, after compinit'],
      ['sotto completion fish > ~/.config/fish/completions/sotto.fish', 'once'],
    ]),
  );
}

async function scriptFor(shell: Shell) {
  switch (shell) {
    case 'bash':
      return (await import('./bash.js')).bashCompletion;
    case 'zsh':
      return (await import('./zsh.js')).zshCompletion;
    case 'fish':
      return (await import('./fish.js')).fishCompletion;
  }
}
