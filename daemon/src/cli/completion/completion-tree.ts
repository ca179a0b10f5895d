/** The commands and options as shell completion needs them. */
import type { Argument, Command, Option } from 'commander';

/** What is offered for a value: fixed words, files, folders, or nothing. */
export type Values = readonly string[] | 'files' | 'folders' | 'none';

export interface CompletionOption {
  /** `-m`, `--model` */
  readonly names: readonly string[];
  readonly description: string;
  /** Undefined for a flag without a value. */
  readonly values?: Values;
}

export interface CompletionCommand {
  /** Names from the root, `['sotto', 'models', 'pull']`. */
  readonly path: readonly string[];
  readonly aliases: readonly string[];
  readonly description: string;
  readonly options: readonly CompletionOption[];
  readonly arguments: Values;
  readonly commands: readonly CompletionCommand[];
}

/** Omits hidden commands and options. */
export function completionTree(command: Command, above: readonly string[] = []): CompletionCommand {
  const path = [...above, command.name()];
  const help = command.createHelp();
  const commands = help
    .visibleCommands(command)
    .filter((child) => child.parent !== null && child.name() !== 'help')
    .map((child) => completionTree(child, path));
  return {
    path,
    aliases: command.aliases(),
    description: plain(command.summary() || command.description()),
    options: optionsOf(command),
    arguments: argumentsOf(command, commands),
    commands,
  };
}

/** All commands, the root first. */
export function flatten(command: CompletionCommand): CompletionCommand[] {
  return [command, ...command.commands.flatMap(flatten)];
}

function optionsOf(command: Command): CompletionOption[] {
  const shown = command.options.filter(({ hidden }) => !hidden).map(optionOf);
  return [...shown, { names: ['-h', '--help'], description: 'print this help' }];
}

function optionOf(option: Option): CompletionOption {
  const names = [option.short, option.long].filter((name) => name !== undefined);
  const hasValue = option.required || option.optional;
  return {
    names,
    description: plain(option.description),
    ...(hasValue && { values: option.argChoices ?? kindOf(option.flags) }),
  };
}

function argumentsOf(command: Command, commands: readonly CompletionCommand[]): Values {
  // Subcommands are offered before the arguments of a default command.
  if (commands.length > 0) return 'none';
  const [first] = command.registeredArguments;
  return first === undefined ? 'none' : valuesOf(first);
}

function valuesOf(argument: Argument): Values {
  return argument.argChoices ?? kindOf(argument.name());
}

/** By the placeholder: `<file>`, `<name|folder>`. */
function kindOf(placeholder: string): Values {
  const name = /[<[]([^>\]]*)[>\]]/.exec(placeholder)?.[1] ?? placeholder;
  if (/file|model|in\b/.test(name)) return 'files';
  return /folder|dir|out\b/.test(name) ? 'folders' : 'none';
}

function plain(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/\.$/, '');
}
