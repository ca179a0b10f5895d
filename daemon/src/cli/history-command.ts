/** `sotto history …`: its commands, flags and help. */
import { Argument, Option, type Command } from 'commander';
import { resolvePaths } from '../paths.js';
import { SottoError } from '../protocol/errors.js';
import { language, whole } from './flag-values.js';
import { modelArgument } from './models-argument.js';
import { chooseView, daemonTranscriber, ownEngine, withInterrupt, type Outcome } from './transcribers.js';

interface DeleteFlags {
  all?: boolean;
  yes?: boolean;
  forever?: boolean;
}

export function addHistory(program: Command, outcome: Outcome): void {
  const history = program
    .command('history')
    .summary('list, show, search and delete past dictations')
    .description(
      'Past dictations: listed, shown, searched, transcribed again, deleted. They are kept for 30 days, without ' +
        'their sound, unless `sotto history keep` says otherwise.',
    )
    .addHelpText(
      'after',
      `
Examples:
  sotto history                             the newest ones
  sotto history show                        the text of the last one
  sotto history search budget meeting       those that hold both words
  sotto history delete 3f2a                 the start of an id is enough
  sotto history undo                        brings back what was deleted last
  sotto history keep 7                      from now on a week, and no longer`,
    );
  history
    .command('list', { isDefault: true })
    .description('The newest dictations first, those that were recovered after a crash marked.')
    .addOption(limit(20))
    .option('--json', 'one JSON object a line')
    .addHelpText(
      'after',
      '\nExamples:\n  sotto history list --limit 100\n  sotto history list --json | jq -r .text',
    )
    .action(async (flags: { limit: number; json?: boolean }) => {
      const { list } = await import('./history.js');
      outcome.exitCode = await list(resolvePaths(), { limit: flags.limit, json: flags.json === true });
    });
  history
    .command('show')
    .description('The text of a dictation: the last one if no id is given.')
    .argument('[id]', 'its id, or the start of it')
    .option('--json', 'as one JSON object, with the times of its words')
    .addHelpText(
      'after',
      '\nExamples:\n  sotto history show\n  sotto history show 3f2a | pbcopy\n  sotto history show 3f2a --json | jq .words',
    )
    .action(async (id: string | undefined, flags: { json?: boolean }) => {
      const { show } = await import('./history.js');
      outcome.exitCode = await show(resolvePaths(), id, flags.json === true);
    });
  history
    .command('search')
    .description(
      'Dictations that hold all of the words. Case and accents do not count, and the last word may be cut short.',
    )
    .argument('<words...>', 'what to look for')
    .addOption(limit(20))
    .option('--json', 'one JSON object a line')
    .addHelpText(
      'after',
      '\nExamples:\n  sotto history search invoice muller\n  sotto history search meet --json | jq -r .id',
    )
    .action(async (words: string[], flags: { limit: number; json?: boolean }) => {
      const { search } = await import('./history.js');
      outcome.exitCode = await search(resolvePaths(), words.join(' '), {
        limit: flags.limit,
        json: flags.json === true,
      });
    });
  history
    .command('delete')
    .description('Deletes dictations with their sound. For a day `sotto history undo` brings them back.')
    .argument('[id...]', 'their ids, or the starts of them')
    .option('--all', 'all of them')
    .option('-y, --yes', 'don’t ask')
    .option('--forever', 'at once and for good: there is no undo')
    .addHelpText(
      'after',
      '\nExamples:\n  sotto history delete 3f2a 91bc\n  sotto history delete --all --forever --yes',
    )
    .action(async (ids: string[], flags: DeleteFlags) => {
      const all = flags.all === true;
      if (all === ids.length > 0)
        throw new SottoError('INVALID_ARGUMENT', 'history delete: give ids, or --all');
      const { deleteSome } = await import('./history-delete.js');
      outcome.exitCode = await deleteSome(resolvePaths(), {
        ...(!all && { ids }),
        yes: flags.yes === true,
        forever: flags.forever === true,
      });
    });
  history
    .command('undo')
    .description('Brings back what was deleted last, within a day.')
    .addHelpText('after', '\nExample:\n  sotto history undo')
    .action(async () => {
      const { undo } = await import('./history-delete.js');
      outcome.exitCode = await undo(resolvePaths());
    });
  history
    .command('keep')
    .summary('say how long dictations are kept')
    .description(
      'Sets how long past dictations are kept, and whether with their audio. Older ones go to the trash at once: ' +
        '`sotto history undo` restores them for a day.',
    )
    .addArgument(
      new Argument('[days]', 'a number of days, 0 for not at all, or `forever`').argParser((value: string) =>
        value === 'forever' ? Infinity : whole(0)(value),
      ),
    )
    .option('--sound', 'keep the sound as well, so that it can be played and transcribed again')
    .option('--no-sound', 'let the sound go a day after its text is there')
    .addHelpText(
      'after',
      '\nExamples:\n  sotto history keep\n  sotto history keep 7\n  sotto history keep forever --sound',
    )
    .action(async (days: number | undefined, { sound }: { sound?: boolean }) => {
      const { keep } = await import('./history-keep.js');
      outcome.exitCode = await keep(resolvePaths(), {
        ...(days !== undefined && { days }),
        ...(sound !== undefined && { sound }),
      });
    });
  history
    .command('retranscribe')
    .summary('transcribe a dictation again')
    .description(
      'Transcribes a dictation again, of which the sound was kept, and replaces its text: with another model, or ' +
        'after it had failed.',
    )
    .argument('<id>', 'its id, or the start of it')
    .option('-m, --model <name|folder>', 'the model to use (default: the daemon’s own)')
    .addOption(
      new Option('-l, --language <code>', 'what is spoken (default: it is detected)').argParser(language),
    )
    .option('--no-daemon', 'load the model in this process’s own engine, and only for this call')
    .addHelpText(
      'after',
      '\nExamples:\n  sotto history retranscribe 3f2a\n  sotto history retranscribe 3f2a --model ~/models/whisper-small --language de',
    )
    .action(async (id: string, flags: { model?: string; language?: string; daemon: boolean }) => {
      const paths = resolvePaths();
      const model = modelArgument(flags.model, paths);
      const { retranscribe } = await import('./history-retranscribe.js');
      const view = await chooseView({ headers: false, wrap: true });
      const transcriber = flags.daemon ? await daemonTranscriber(paths, view, model) : await ownEngine(paths);
      await withInterrupt(transcriber, outcome, (signal) =>
        retranscribe(
          paths,
          {
            id,
            ...(model !== undefined && { model }),
            ...(flags.language !== undefined && { language: flags.language }),
          },
          { transcriber, view, signal },
        ),
      );
    });
}

function limit(usual: number): Option {
  return new Option('-n, --limit <n>', 'at most so many').argParser(whole(1)).default(usual);
}
