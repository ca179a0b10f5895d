/** `sotto vocabulary`: commands, flags and help. */
import { Option, type Command } from 'commander';
import { examples, paragraph } from '../help/layout.js';
import { resolvePaths } from '../../paths.js';
import { VOCABULARY_FORMATS, type VocabularyFormat } from '../../protocol/vocabulary.js';
import type { Outcome } from '../transcribe/create-transcriber.js';

export function addVocabulary(program: Command, outcome: Outcome): void {
  const vocabulary = program
    .command('vocabulary')
    .alias('vocab')
    .summary('manage names, terms, and replacements')
    .description(
      'Manage names and terms that Sotto should recognize, and replacements for whole words. They apply to dictations ' +
        'and files, from the next one on.',
    )
    .addHelpText(
      'after',
      examples([
        ['sotto vocabulary', 'list all entries'],
        ['sotto vocabulary add Nguyen "Grace Hopper"', 'recognized more often'],
        ['sotto vocabulary replace sean Shaun', 'SEAN → SHAUN, but not “mean”'],
        [`sotto vocabulary replace "new line" '\\n'`, 'a line break'],
        'sotto vocabulary export | ssh studio sotto vocabulary import -',
      ]),
    )
    .addHelpText(
      'after',
      paragraph('The vocabulary is stored in vocabulary.json in Sotto’s folder. You may edit that file.'),
    );
  addList(vocabulary, outcome);
  addAdd(vocabulary, outcome);
  addReplace(vocabulary, outcome);
  addRemove(vocabulary, outcome);
  addImport(vocabulary, outcome);
  addExport(vocabulary, outcome);
}

function addList(vocabulary: Command, outcome: Outcome): void {
  vocabulary
    .command('list', { isDefault: true })
    .alias('ls')
    .description('List the words, then the replacements.')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      examples(['sotto vocabulary list', 'sotto vocabulary list --json | jq -r .words[]']),
    )
    .action(async (flags: { json?: boolean }) => {
      const { list } = await import('./vocabulary-actions.js');
      outcome.exitCode = list(resolvePaths(), flags.json === true);
    });
}

function addAdd(vocabulary: Command, outcome: Outcome): void {
  vocabulary
    .command('add')
    .description('Add names and terms, spelled as they should appear.')
    .argument('<words...>', 'words, or phrases in quotes')
    .addHelpText(
      'after',
      examples(['sotto vocabulary add ComfyUI Kubernetes', 'sotto vocabulary add "Van der Berg"']),
    )
    .action(async (words: string[]) => {
      const { add } = await import('./vocabulary-actions.js');
      outcome.exitCode = await add(resolvePaths(), { words });
    });
}

function addReplace(vocabulary: Command, outcome: Outcome): void {
  vocabulary
    .command('replace')
    .summary('replace a word or phrase with another text')
    .description(
      'Replace a word or phrase with another text, in any case: sean, Sean, SEAN. A word in capitals (US) is replaced ' +
        'only where it is in capitals. \\n is a line break.',
    )
    .argument('<from>', 'word, or phrase in quotes, to replace')
    .argument('<to>', 'replacement; "" removes the word')
    .addHelpText(
      'after',
      examples([
        'sotto vocabulary replace btw "by the way"',
        'sotto vocabulary replace "com fi" ComfyUI',
        'sotto vocabulary replace "new paragraph" \'\\n\\n\'',
        'sotto vocabulary replace um ""',
      ]),
    )
    .action(async (from: string, to: string) => {
      const { add } = await import('./vocabulary-actions.js');
      const { fromOneLine } = await import('../../protocol/vocabulary.js');
      outcome.exitCode = await add(resolvePaths(), { replacements: [{ from, to: fromOneLine(to) }] });
    });
}

function addRemove(vocabulary: Command, outcome: Outcome): void {
  vocabulary
    .command('remove')
    .alias('rm')
    .description('Remove words, and replacements by what they replace.')
    .argument('<words...>', 'words as `sotto vocabulary list` shows them')
    .addHelpText(
      'after',
      examples(['sotto vocabulary remove Nguyen', 'sotto vocabulary remove sean "new line"']),
    )
    .action(async (words: string[]) => {
      const { remove } = await import('./vocabulary-actions.js');
      outcome.exitCode = await remove(resolvePaths(), words);
    });
}

function addImport(vocabulary: Command, outcome: Outcome): void {
  vocabulary
    .command('import')
    .summary('import from a file')
    .description(
      'Import from a file: JSON, CSV with the columns type,from,to (or from,to), or text with one word per line. ' +
        'Existing entries are updated.',
    )
    .argument('<file>', 'file to read; - for stdin')
    .option('--replace', 'replace the current vocabulary')
    .addHelpText(
      'after',
      examples(['sotto vocabulary import names.txt', 'sotto vocabulary import --replace backup.json']),
    )
    .action(async (file: string, flags: { replace?: boolean }) => {
      const { importFrom } = await import('./vocabulary-actions.js');
      outcome.exitCode = await importFrom(resolvePaths(), file, flags.replace === true);
    });
}

function addExport(vocabulary: Command, outcome: Outcome): void {
  vocabulary
    .command('export')
    .description('Export all entries to stdout, or to a new file.')
    .argument('[file]', 'file to create; never overwritten')
    .addOption(
      new Option('-f, --format <format>', 'format (default: by the file’s name, else json)').choices(
        VOCABULARY_FORMATS,
      ),
    )
    .addHelpText(
      'after',
      examples(['sotto vocabulary export backup.json', 'sotto vocabulary export --format csv']),
    )
    .action(async (file: string | undefined, flags: { format?: VocabularyFormat }) => {
      const { exportTo } = await import('./vocabulary-actions.js');
      outcome.exitCode = await exportTo(resolvePaths(), file, flags.format);
    });
}
