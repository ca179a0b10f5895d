/** Rewords commander's usage errors: `sotto: --jobs must be a whole number; got "x"`. */
import type { Command } from 'commander';
import { closest } from '../../did-you-mean.js';

const OPTION = /^option '(?<flags>.+?)' argument '(?<value>[^]*)' is invalid\. (?<why>[^]*)$/;
const ARGUMENT =
  /^command-argument value '(?<value>[^]*)' is invalid for argument '(?<name>.+?)'\. (?<why>[^]*)$/;
/** Commander's wording and ours. */
const CHOICES = /^(?:Allowed choices are (?<choices>.*)\.|must be one of (?<own>.*))$/;

/** @param text commander's message, starting with `error: ` */
export function usageError(text: string): string {
  const [message = '', ...rest] = text.replace(/^error: /, '').split('\n');
  return [`sotto: ${rewordMessage(message)}`, ...rest].join('\n');
}

function rewordMessage(message: string): string {
  const { flags, name, value, why } = (OPTION.exec(message) ?? ARGUMENT.exec(message))?.groups ?? {};
  if (value === undefined || why === undefined) return message;
  const { choices: listed, own } = CHOICES.exec(why)?.groups ?? {};
  const choices = listed ?? own;
  const [guess] = choices === undefined ? [] : closest(value, choices.split(', '), 1);
  const must = choices === undefined ? why : `must be one of ${choices}`;
  const meant = guess === undefined ? '' : ` (did you mean ${guess}?)`;
  return `${nameOf(flags) ?? name ?? ''} ${must}; got ${JSON.stringify(value)}${meant}`;
}

/** `--jobs` of `-j, --jobs <n>`. */
function nameOf(flags: string | undefined): string | undefined {
  return flags?.split(/[ ,|]+/).find((part) => part.startsWith('--')) ?? flags?.split(' ')[0];
}

/**
 * Reports unknown commands of a group with a default command (`sotto history`), where commander would complain about
 * too many arguments.
 */
export function refuseUnknownCommands(group: Command): void {
  group.hook('preSubcommand', (_, command) => {
    const [word] = group.args;
    const names = group.commands.flatMap((one) => [one.name(), ...one.aliases()]);
    if (word === undefined || word.startsWith('-') || names.includes(word)) return;
    if (command.registeredArguments.length > 0) return;
    const [guess] = closest(word, names, 1);
    const meant =
      guess === undefined
        ? `commands: ${group.commands.map((one) => one.name()).join(', ')}`
        : `Did you mean ${guess}?`;
    group.error(`error: unknown command '${word}'\n(${meant})`, { code: 'commander.unknownCommand' });
  });
}
