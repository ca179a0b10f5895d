/** A completion script for zsh: loaded after `compinit`, or saved as `_sotto` in a folder of `fpath`. */
import { flatten, type CompletionCommand, type CompletionOption, type Values } from './completion-tree.js';

export function zshCompletion(tree: CompletionCommand): string {
  return `#compdef sotto
# zsh completion for sotto. Load it with: eval "$(sotto completion zsh)"
${flatten(tree).map(functionOf).join('\n')}
if [[ $funcstack[1] == _sotto ]]; then _sotto "$@"; else compdef _sotto sotto; fi
`;
}

function functionOf(command: CompletionCommand): string {
  const specs = command.options.map(optionSpec);
  if (command.commands.length === 0) {
    const action = actionOf(command.arguments);
    const rest =
      command.arguments === 'none'
        ? []
        : [quoted(`*:${command.arguments === 'files' ? 'file' : 'value'}:${action}`)];
    return `${nameOf(command.path)}() {\n  _arguments -s ${[...specs, ...rest].join(' \\\n    ')}\n}`;
  }
  const entries = command.commands.map(({ path, description }) =>
    quoted(`${path.at(-1) ?? ''}:${description.replace(/:/g, '\\:')}`),
  );
  const steps = command.commands.map(({ path, aliases }) => {
    const names = [path.at(-1) ?? '', ...aliases].join(' | ');
    return `        ${names}) ${nameOf(path)} ;;`;
  });
  return `${nameOf(command.path)}() {
  local state line
  local -a commands
  _arguments -C ${[...specs, "'1: :->command'", "'*:: :->rest'"].join(' \\\n    ')}
  case $state in
    command)
      commands=(
        ${entries.join('\n        ')}
      )
      _describe -t commands 'command' commands
      ;;
    rest)
      case $line[1] in
${steps.join('\n')}
      esac
      ;;
  esac
}`;
}

function nameOf(path: readonly string[]): string {
  return `_${path.join('_')}`;
}

/** `'(-m --model)'{-m,--model}'[description]:value:_files'` */
function optionSpec({ names, description, values }: CompletionOption): string {
  const text = `[${description.replace(/[[\]\\]/g, '\\$&').replace(/:/g, '\\:')}]`;
  const value = values === undefined ? '' : `:value:${actionOf(values)}`;
  const [only = ''] = names;
  if (names.length === 1) return quoted(`*${only}${text}${value}`);
  return `'*'{${names.join(',')}}${quoted(`${text}${value}`)}`;
}

function actionOf(values: Values): string {
  if (typeof values !== 'string') return `(${values.join(' ')})`;
  return { files: '_files', folders: '_files -/', none: ' ' }[values];
}

function quoted(text: string): string {
  return `'${text.replace(/'/g, "'\\''")}'`;
}
