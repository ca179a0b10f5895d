/** `sotto history`: commands, flags and help. */
import { Argument, InvalidArgumentError, Option, type Command } from 'commander';
import { hiddenAlias } from '../flags/hidden-alias.js';
import { examples } from '../help/layout.js';
import { resolvePaths } from '../../paths.js';
import { SottoError } from '../../protocol/errors.js';
import { language, whole } from '../flags/flag-values.js';
import { EXPORT_FORMATS, type ExportHistoryOptions } from './export-formats.js';
import { modelArgument } from '../../store/model-argument.js';
import {
  chooseView,
  daemonTranscriber,
  inProcessTranscriber,
  withInterrupt,
  type Outcome,
} from '../transcribe/create-transcriber.js';
import { defined } from '../../protocol/defined.js';

interface DeleteFlags {
  all?: boolean;
  yes?: boolean;
  forever?: boolean;
}

export function addHistory(program: Command, outcome: Outcome): void {
  const history = program
    .command('history')
    .summary('list, search, export and delete past dictations')
    .description(
      'Past dictations. They are kept for 30 days, without audio; change that with `sotto history keep`.',
    )
    .addHelpText(
      'after',
      examples([
        ['sotto history', 'list the newest'],
        ['sotto history show', 'print the last one'],
        ['sotto history search budget meeting', 'find those with both words'],
        ['sotto history delete 3f2a', 'the start of an id is enough'],
        ['sotto history undo', 'restore what was deleted last'],
        ['sotto history keep 7', 'keep them for a week'],
      ]),
    );
  addList(history, outcome);
  addShow(history, outcome);
  addSearch(history, outcome);
  addExport(history, outcome);
  addDelete(history, outcome);
  addUndo(history, outcome);
  addKeep(history, outcome);
  addRetranscribe(history, outcome);
}

function addList(history: Command, outcome: Outcome): void {
  history
    .command('list', { isDefault: true })
    .alias('ls')
    .description('List dictations, the newest first.')
    .addOption(limit(20))
    .option('--json', 'print one JSON object per line')
    .addHelpText(
      'after',
      examples(['sotto history list --limit 100', 'sotto history list --json | jq -r .text']),
    )
    .action(async (flags: { limit: number; json?: boolean }) => {
      const { list } = await import('./list-history.js');
      outcome.exitCode = await list(resolvePaths(), { limit: flags.limit, json: flags.json === true });
    });
}

function addShow(history: Command, outcome: Outcome): void {
  history
    .command('show')
    .description('Print the text of a dictation: the last one if no id is given.')
    .argument('[id]', 'id, or the start of it')
    .option('--json', 'print one JSON object, with word times')
    .addHelpText(
      'after',
      examples([
        'sotto history show',
        'sotto history show 3f2a | pbcopy',
        'sotto history show 3f2a --json | jq .words',
      ]),
    )
    .action(async (id: string | undefined, flags: { json?: boolean }) => {
      const { show } = await import('./list-history.js');
      outcome.exitCode = await show(resolvePaths(), id, flags.json === true);
    });
}

function addSearch(history: Command, outcome: Outcome): void {
  history
    .command('search')
    .description(
      'Find dictations that contain all of the words. Ignores case and accents. The last word can be a prefix.',
    )
    .argument('<words...>', 'words to find')
    .addOption(limit(20))
    .option('--json', 'print one JSON object per line')
    .addHelpText(
      'after',
      examples(['sotto history search invoice muller', 'sotto history search meet --json | jq -r .id']),
    )
    .action(async (words: string[], flags: { limit: number; json?: boolean }) => {
      const { search } = await import('./list-history.js');
      outcome.exitCode = await search(resolvePaths(), words.join(' '), {
        limit: flags.limit,
        json: flags.json === true,
      });
    });
}

function addExport(history: Command, outcome: Outcome): void {
  history
    .command('export')
    .description('Export dictations, the newest first: to stdout, or to a new file.')
    .addOption(
      new Option('-f, --format <format>', 'format (default: by the file’s name, else md)').choices(
        EXPORT_FORMATS,
      ),
    )
    .option('-o, --output <file>', 'file to create; never overwritten')
    .addOption(new Option('-n, --limit <n>', 'maximum number to export (default: all)').argParser(whole(1)))
    .addHelpText(
      'after',
      examples(['sotto history export > dictations.md', 'sotto history export --output dictations.csv']),
    )
    .action(async (flags: ExportHistoryOptions) => {
      const { exportHistory } = await import('./export-history.js');
      outcome.exitCode = await exportHistory(resolvePaths(), flags);
    });
}

function addDelete(history: Command, outcome: Outcome): void {
  history
    .command('delete')
    .alias('rm')
    .description('Delete dictations with their audio. `sotto history undo` restores them within a day.')
    .argument('[id...]', 'ids, or the starts of them')
    .option('--all', 'delete all dictations')
    .option('-y, --yes', 'don’t ask')
    .option('--forever', 'delete permanently: there is no undo')
    .addHelpText(
      'after',
      examples(['sotto history delete 3f2a 91bc', 'sotto history delete --all --forever --yes']),
    )
    .action(async (ids: string[], flags: DeleteFlags) => {
      const all = flags.all === true;
      if (all === ids.length > 0)
        throw new SottoError('INVALID_ARGUMENT', 'history delete needs ids, or --all');
      const { deleteDictations } = await import('./delete-dictations.js');
      outcome.exitCode = await deleteDictations(resolvePaths(), {
        ...(!all && { ids }),
        yes: flags.yes === true,
        forever: flags.forever === true,
      });
    });
}

function addUndo(history: Command, outcome: Outcome): void {
  history
    .command('undo')
    .description('Restore what was deleted last, within a day.')
    .addHelpText('after', examples(['sotto history undo']))
    .action(async () => {
      const { undo } = await import('./delete-dictations.js');
      outcome.exitCode = await undo(resolvePaths());
    });
}

function addKeep(history: Command, outcome: Outcome): void {
  const retention = history
    .command('keep')
    .summary('set how long dictations are kept')
    .description(
      'Show or set how long dictations are kept, and whether with audio. Older ones go to the trash at once: ' +
        '`sotto history undo` restores them for a day.',
    )
    .addArgument(
      new Argument('[days]', 'number of days, 0 to keep none, or `forever`').argParser((value: string) =>
        value === 'forever' ? Infinity : days(value),
      ),
    )
    .option('--audio', 'keep the audio, too, to play it or transcribe it again')
    .option('--no-audio', 'don’t keep audio')
    .option('--compact', 'keep the audio, after a day as the codes of a codec: far smaller, not as good')
    .option('--no-compact', 'keep recordings as they are')
    .addHelpText(
      'after',
      examples([
        'sotto history keep',
        'sotto history keep 7',
        'sotto history keep forever --audio',
        ['sotto history keep --compact', 'keep audio in a fraction of its size'],
      ]),
    )
    .action(async (days: number | undefined, flags: { audio?: boolean; compact?: boolean }) => {
      const { keep } = await import('./history-retention.js');
      outcome.exitCode = await keep(resolvePaths(), defined({ ...flags, days }));
    });
  hiddenAlias(retention, '--sound', '--audio');
  hiddenAlias(retention, '--no-sound', '--no-audio');
}

function addRetranscribe(history: Command, outcome: Outcome): void {
  history
    .command('retranscribe')
    .summary('transcribe a dictation again')
    .description('Transcribe a dictation again from its audio, if that was kept, and replace its text.')
    .argument('<id>', 'id, or the start of it')
    .option('-m, --model <name|folder>', 'model to use (default: the one in use)')
    .addOption(
      new Option('-l, --language <code>', 'spoken language, e.g. en or de (default: detected)').argParser(
        language,
      ),
    )
    .option('--no-daemon', 'run without the daemon (loads the model for this run only)')
    .addHelpText(
      'after',
      examples([
        'sotto history retranscribe 3f2a',
        'sotto history retranscribe 3f2a --model ~/models/whisper-small --language de',
      ]),
    )
    .action(async (id: string, flags: { model?: string; language?: string; daemon: boolean }) => {
      const paths = resolvePaths();
      const model = modelArgument(flags.model, paths);
      const { retranscribe } = await import('./retranscribe.js');
      const view = await chooseView({ headers: false, wrap: true });
      const transcriber = flags.daemon
        ? await daemonTranscriber(paths, view, model)
        : await inProcessTranscriber(paths);
      await withInterrupt(transcriber, outcome, (signal) =>
        retranscribe(
          paths,
          {
            id,
            daemon: flags.daemon,
            ...defined({ model, language: flags.language }),
          },
          { transcriber, view, signal },
        ),
      );
    });
}

function days(value: string): number {
  if (/^\d{1,6}$/.test(value)) return Number(value);
  throw new InvalidArgumentError('must be a whole number, or `forever`');
}

function limit(defaultLimit: number): Option {
  return new Option('-n, --limit <n>', 'maximum number to show').argParser(whole(1)).default(defaultLimit);
}
