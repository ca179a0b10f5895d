/** `sotto vocabulary …`: its commands, flags and help. */
import { Option, type Command } from 'commander';
import { resolvePaths } from '../paths.js';
import { VOCABULARY_FORMATS, type VocabularyFormat } from '../protocol/vocabulary.js';
import type { Outcome } from './transcribers.js';

export function addVocabulary(program: Command, outcome: Outcome): void {
  const vocabulary = program
    .command('vocabulary')
    .summary('names and terms of yours, and what is written in place of what is heard')
    .description(
      'Names and terms that you say: Sotto listens for them, in dictations and in files. And replacements: what is ' +
        'written in place of what is heard, whole words only. They hold from the next dictation on.',
    )
    .addHelpText(
      'after',
      `
Examples:
  sotto vocabulary                             what there is
  sotto vocabulary add Nguyen "Grace Hopper"   they are heard more often, and spelled like that
  sotto vocabulary replace sean Shaun          Sean's → Shaun's, SEAN → SHAUN; “mean” stays
  sotto vocabulary replace "new line" '\\n'     a line break
  sotto vocabulary export | ssh desk sotto vocabulary import -

It is kept in ${'`vocabulary.json`'} in Sotto's folder, and may be written by hand.`,
    );
  vocabulary
    .command('list', { isDefault: true })
    .description('The words, then the replacements.')
    .option('--json', 'as one JSON object')
    .addHelpText(
      'after',
      '\nExamples:\n  sotto vocabulary list\n  sotto vocabulary list --json | jq -r .words[]',
    )
    .action(async (flags: { json?: boolean }) => {
      const { list } = await import('./vocabulary.js');
      outcome.exitCode = list(resolvePaths(), flags.json === true);
    });
  vocabulary
    .command('add')
    .description('Adds names and terms, spelled as they are to be written.')
    .argument('<words...>', 'each a word, or several between quotes')
    .addHelpText(
      'after',
      '\nExamples:\n  sotto vocabulary add ComfyUI Kubernetes\n  sotto vocabulary add "Van der Berg"',
    )
    .action(async (words: string[]) => {
      const { add } = await import('./vocabulary.js');
      outcome.exitCode = await add(resolvePaths(), { words });
    });
  vocabulary
    .command('replace')
    .summary('write something else in place of what is heard')
    .description(
      'Writes something else in place of what is heard, however that is written: sean, Sean, SEAN. What is given in ' +
        'capitals alone (US) is replaced only where it is in capitals. \\n is a line break.',
    )
    .argument('<from>', 'what is heard: a word, or several between quotes')
    .argument('<to>', 'what is written; "" leaves it out')
    .addHelpText(
      'after',
      `
Examples:
  sotto vocabulary replace btw "by the way"
  sotto vocabulary replace "com fi" ComfyUI
  sotto vocabulary replace "new paragraph" '\\n\\n'
  sotto vocabulary replace um ""`,
    )
    .action(async (from: string, to: string) => {
      const { add } = await import('./vocabulary.js');
      const { fromOneLine } = await import('../protocol/vocabulary.js');
      outcome.exitCode = await add(resolvePaths(), { replacements: [{ from, to: fromOneLine(to) }] });
    });
  vocabulary
    .command('remove')
    .description('Removes words, and replacements by what they replace.')
    .argument('<words...>', 'as `sotto vocabulary list` shows them')
    .addHelpText(
      'after',
      '\nExamples:\n  sotto vocabulary remove Nguyen\n  sotto vocabulary remove sean "new line"',
    )
    .action(async (words: string[]) => {
      const { remove } = await import('./vocabulary.js');
      outcome.exitCode = await remove(resolvePaths(), words);
    });
  vocabulary
    .command('import')
    .summary('add what is in a file')
    .description(
      'Adds what is in a file: JSON, CSV with the columns type,from,to (or from,to), or a word a line. What is there ' +
        'already is written as the file has it.',
    )
    .argument('<file>', 'its path; - reads what is piped in')
    .option('--replace', 'let go of what is there now')
    .addHelpText(
      'after',
      '\nExamples:\n  sotto vocabulary import names.txt\n  sotto vocabulary import --replace backup.json',
    )
    .action(async (file: string, flags: { replace?: boolean }) => {
      const { importFrom } = await import('./vocabulary.js');
      outcome.exitCode = await importFrom(resolvePaths(), file, flags.replace === true);
    });
  vocabulary
    .command('export')
    .description('Writes all of it: to the terminal, or to a new file.')
    .argument('[file]', 'its path; one that is there is not written over')
    .addOption(
      new Option('-f, --format <format>', 'default: by the name of the file, else json').choices(
        VOCABULARY_FORMATS,
      ),
    )
    .addHelpText(
      'after',
      '\nExamples:\n  sotto vocabulary export backup.json\n  sotto vocabulary export --format csv',
    )
    .action(async (file: string | undefined, flags: { format?: VocabularyFormat }) => {
      const { exportTo } = await import('./vocabulary.js');
      outcome.exitCode = await exportTo(resolvePaths(), file, flags.format);
    });
}
