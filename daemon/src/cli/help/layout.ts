/** Help that fits a screen: `--help` shows the common options and a few examples, `--help-all` shows everything. */
import { CommanderError, Help, Option, type Argument, type Command } from 'commander';

/** Long names (`--model`) in display order. */
const COMMON = new WeakMap<Command, readonly string[]>();
const EXPANDED = new WeakSet<Command>();

const COMMON_GROUP = 'Options:';
const FALLBACK_COLUMNS = 80;
/** Wider lines are hard to read. */
const MAX_COLUMNS = 100;
/** Narrower text is not wrapped. */
const MIN_COLUMNS = 16;
/** A description with less room goes below its option. */
const MIN_DESCRIPTION_COLUMNS = 32;
const NOTE_GAP = '  # ';

/** An example, optionally with a note. */
type Example = string | readonly [command: string, note: string];

/** Sets the layout of the help of `program` and its later commands. */
export function configureHelpLayout(program: Command): void {
  const base = new Help();
  program.configureHelp({
    helpWidth: helpColumns(),
    minWidthToWrap: MIN_COLUMNS,
    formatItem,
    visibleOptions: (command) =>
      command === program ? [] : arrangeOptions(command, base.visibleOptions(command)),
    subcommandTerm,
    visibleCommands: (command) => base.visibleCommands(command).filter((one) => one.name() !== 'help'),
    // Aliases are listed by the parent command.
    commandUsage: (command) => {
      const usage = `${fullName(command)} ${command.usage().replace('[options] [command]', '[command]')}`;
      const indent = 'Usage: '.length;
      return wrapped(usage, helpColumns() - indent, indent);
    },
    subcommandDescription: (command) => command.summary() || asSummary(command.description()),
    optionDescription,
    argumentDescription: optionDescription,
  });
}

/** Limits `--help` to these options and adds `--help-all` for the rest. Call it after all options are added. */
export function setCommonOptions(command: Command, common: readonly string[]): void {
  COMMON.set(command, common);
  for (const option of command.options) {
    if (common.includes(option.long ?? '')) option.helpGroup(COMMON_GROUP);
  }
  const hidden = command.options.filter(({ long, hidden: never }) => !never && !common.includes(long ?? ''));
  if (hidden.length === 0) return;
  const all = new Option('--help-all', `print this help with ${hidden.length} more options`);
  command.addHelpOption(new Option('-h, --help', 'print this help').helpGroup(COMMON_GROUP));
  command.addOption(all.helpGroup(COMMON_GROUP));
  // Handled during parsing, so that a missing argument does not prevent help.
  command.on('option:help-all', () => {
    EXPANDED.add(command);
    command.outputHelp();
    throw new CommanderError(0, 'sotto.helpAll', '(help)');
  });
}

/**
 * Text for `addHelpText('after', …)`.
 * @param shortCount number of examples in `--help` if there is a `--help-all`
 */
export function examples(
  all: readonly Example[],
  shortCount = all.length,
): (context: { readonly command: Command }) => string {
  return ({ command }) => {
    const shown = isExpanded(command) ? all : all.slice(0, shortCount);
    const title = shown.length === 1 ? 'Example:' : 'Examples:';
    return `\n${title}\n${exampleLines(shown, helpColumns()).join('\n')}`;
  };
}

/** Text for `addHelpText('after', …)`: a paragraph wrapped to the terminal. */
export function paragraph(text: string): () => string {
  return () => `\n${new Help().boxWrap(text, helpColumns())}`;
}

/** Whether the full help is shown: there is no `--help-all`, or it was given. */
export function isExpanded(command: Command): boolean {
  return !COMMON.has(command) || EXPANDED.has(command);
}

/** Notes form one column. One that does not fit is omitted, because a wrapped command can't be copied. */
export function exampleLines(all: readonly Example[], columns: number): string[] {
  const noted = all.flatMap((example) => (typeof example === 'string' ? [] : [example[0].length]));
  const width = Math.max(0, ...noted.filter((length) => length < columns / 2));
  return all.map((example) => {
    if (typeof example === 'string') return `  ${example}`;
    const [command, note] = example;
    const line = `  ${command.padEnd(width)}${NOTE_GAP}${note}`;
    return line.length > columns ? `  ${command}` : line;
  });
}

/** An option with its description beside it, or below on narrow terminals. */
function formatItem(term: string, termWidth: number, description: string, { helpWidth }: Help): string {
  const columns = helpWidth ?? FALLBACK_COLUMNS;
  if (description === '') return `  ${term}`;
  const available = columns - termWidth - 4;
  return available >= MIN_DESCRIPTION_COLUMNS
    ? `  ${term.padEnd(termWidth)}  ${wrapped(description, available, termWidth + 4)}`
    : `  ${term}\n      ${wrapped(description, columns - 6, 6)}`;
}

/** @param indent indentation of continuation lines */
function wrapped(text: string, columns: number, indent: number): string {
  const help = new Help();
  help.minWidthToWrap = MIN_COLUMNS;
  return help.boxWrap(text, columns).replaceAll('\n', `\n${' '.repeat(indent)}`);
}

function helpColumns(): number {
  return Math.min(process.stdout.columns ?? FALLBACK_COLUMNS, MAX_COLUMNS);
}

function arrangeOptions(command: Command, visible: readonly Option[]): Option[] {
  const common = COMMON.get(command);
  if (common === undefined) return [...visible];
  const named = common.flatMap((name) => visible.filter(({ long }) => long === name));
  const helps = ['--help', '--help-all'].flatMap((name) => visible.filter(({ long }) => long === name));
  const rest = visible.filter((option) => !named.includes(option) && !helps.includes(option));
  return [...named, ...helps, ...(EXPANDED.has(command) ? rest : [])];
}

/** `Show the log. It holds …` → `show the log`. */
function asSummary(description: string): string {
  const [sentence = ''] = description.split(/\.(?:\s|$)/);
  return `${sentence.charAt(0).toLowerCase()}${sentence.slice(1)}`;
}

/** `output format (text, json, srt; default: text)` */
function optionDescription(option: Option | Argument): string {
  const { description, argChoices, defaultValueDescription } = option;
  const { defaultValue } = option as { defaultValue?: string | number | boolean };
  const hasDefault = defaultValue !== undefined && typeof defaultValue !== 'boolean';
  const facts = [
    ...(argChoices === undefined ? [] : [argChoices.join(', ')]),
    ...(hasDefault ? [`default: ${defaultValueDescription ?? String(defaultValue)}`] : []),
  ];
  return facts.length === 0 ? description : `${description} (${facts.join('; ')})`;
}

/** `sotto models pull` */
export function fullName(command: Command): string {
  const { parent } = command;
  return parent === null ? command.name() : `${fullName(parent)} ${command.name()}`;
}

/** At the top level the name only; below, aliases and arguments, too. */
function subcommandTerm(command: Command): string {
  const isTopLevel = command.parent?.parent === null;
  if (isTopLevel) return command.name();
  const names = [command.name(), ...command.aliases()].join(', ');
  const args = command.registeredArguments.map((argument) => {
    const name = `${argument.name()}${argument.variadic ? '...' : ''}`;
    return argument.required ? `<${name}>` : `[${name}]`;
  });
  return [names, ...args].join(' ');
}
