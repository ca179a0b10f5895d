/** Former names of flags: they still work, but help and completion omit them. */
import { Option, type Command } from 'commander';

/**
 * Makes `alias` set the same value as the option `name`; `--no-` stays in both names.
 *
 * @throws Error if the command has no such option
 */
export function hiddenAlias(command: Command, alias: string, name: string): void {
  const option = command.options.find(({ long }) => long === name);
  if (option === undefined) throw new Error(`${command.name()} has no ${name}`);
  const value = /\s[<[].*$/.exec(option.flags)?.[0] ?? '';
  const hidden = new Option(`${alias}${value}`, `the same as ${name}`).hideHelp();
  hidden.attributeName = () => option.attributeName();
  if (option.parseArg !== undefined) hidden.parseArg = option.parseArg;
  command.addOption(hidden);
}
