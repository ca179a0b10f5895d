/** A completion script for bash 3.2 (macOS) and later, without the bash-completion package. */
import { flatten, type CompletionCommand, type Values } from './completion-tree.js';

export function bashCompletion(tree: CompletionCommand): string {
  const commands = flatten(tree);
  return `# bash completion for sotto. Load it with: eval "$(sotto completion bash)"
_sotto() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" path=sotto i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$path \${COMP_WORDS[i]}" in
${commands.flatMap(stepLines).join('\n')}
    esac
  done
  local values=none words=
  case "$path:$before" in
${commands.flatMap(valueLines).join('\n')}
    *)
      case "$path" in
${commands.map(wordLine).join('\n')}
      esac
      [[ $word == -* ]] && values=none
      ;;
  esac
  COMPREPLY=()
  local reply
  while IFS= read -r reply; do COMPREPLY+=("$reply"); done < <(
    compgen -W "$words" -- "$word"
    case "$values" in
      files) compgen -f -- "$word" ;;
      folders) compgen -d -- "$word" ;;
    esac
  )
  [[ $values != none ]] && compopt -o filenames 2>/dev/null
  return 0
}
complete -F _sotto sotto
`;
}

function stepLines({ path, aliases }: CompletionCommand): string[] {
  if (path.length === 1) return [];
  const parent = path.slice(0, -1).join(' ');
  const patterns = [path.at(-1) ?? '', ...aliases].map((name) => `"${parent} ${name}"`);
  return [`      ${patterns.join(' | ')}) path="${path.join(' ')}" ;;`];
}

function valueLines({ path, options }: CompletionCommand): string[] {
  return options.flatMap(({ names, values }) => {
    if (values === undefined) return [];
    const patterns = names.map((name) => `"${path.join(' ')}:${name}"`);
    return [`    ${patterns.join(' | ')}) ${assignment(values)} ;;`];
  });
}

function wordLine(command: CompletionCommand): string {
  const words = [
    ...command.commands.map(({ path }) => path.at(-1) ?? ''),
    ...(typeof command.arguments === 'string' ? [] : command.arguments),
    ...command.options.flatMap(({ names }) => names),
  ];
  const kind = typeof command.arguments === 'string' ? command.arguments : 'none';
  return `        "${command.path.join(' ')}") values=${kind} words="${words.join(' ')}" ;;`;
}

function assignment(values: Values): string {
  return typeof values === 'string' ? `values=${values}` : `words="${values.join(' ')}"`;
}
