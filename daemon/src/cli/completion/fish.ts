/** A completion script for fish. */
import { flatten, type CompletionCommand, type Values } from './completion-tree.js';

export function fishCompletion(tree: CompletionCommand): string {
  const commands = flatten(tree);
  const steps = commands.flatMap(({ path, aliases }) => {
    if (path.length === 1) return [];
    const parent = path.slice(0, -1).join(' ');
    const patterns = [path.at(-1) ?? '', ...aliases].map((name) => quoted(`${parent} ${name}`));
    return [`            case ${patterns.join(' ')}\n                set path ${quoted(path.join(' '))}`];
  });
  return `# fish completion for sotto. Load it with: sotto completion fish | source
function __sotto_at
    set -l path sotto
    set -l words (commandline -opc)
    for word in $words[2..-1]
        switch "$path $word"
${steps.join('\n')}
        end
    end
    test "$path" = "$argv"
end
complete -c sotto -e
complete -c sotto -f
${commands.flatMap(linesOf).join('\n')}
`;
}

function linesOf({ path, commands, options, arguments: values }: CompletionCommand): string[] {
  const line = `complete -c sotto -n ${quoted(`__sotto_at ${path.join(' ')}`)}`;
  return [
    ...commands.map((child) => `${line} -a ${child.path.at(-1) ?? ''} -d ${quoted(child.description)}`),
    ...(values === 'none' ? [] : [`${line} ${offered(values)}`]),
    ...options.map((option) => {
      const names = option.names.map((name) =>
        name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`,
      );
      const value = option.values === undefined ? '' : ` -r ${offered(option.values)}`;
      return `${line} ${names.join(' ')}${value} -d ${quoted(option.description)}`;
    }),
  ];
}

function offered(values: Values): string {
  if (typeof values !== 'string') return `-a ${quoted(values.join(' '))}`;
  return { files: '-F', folders: "-a '(__fish_complete_directories)'", none: '' }[values];
}

function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}
