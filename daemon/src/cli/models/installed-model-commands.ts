/** The commands that list, download, choose and remove models. */
import { Option, type Command } from 'commander';
import { examples } from '../help/layout.js';
import { resolvePaths } from '../../paths.js';
import { language, words } from '../flags/flag-values.js';
import { onInterrupt } from '../interrupt.js';
import { defined } from '../../protocol/defined.js';
import { MODEL_TASKS, type ModelTask } from '../../protocol/model-tasks.js';

type Outcome = { exitCode: number };

export function addInstalledModelCommands(models: Command, outcome: Outcome): void {
  addList(models.command('list').alias('ls'), outcome);
  models
    .command('info')
    .summary('show model details')
    .description('Show the details of an installed or available model: size, memory, origin.')
    .argument('<model>', 'name, owner/name or folder of a model')
    .option('--json', 'print one JSON object')
    .addHelpText('after', examples(['sotto models info turbo', 'sotto models info whisper-base-6bit --json']))
    .action(async (name: string, flags: { json?: boolean }) => {
      const { modelInfo } = await import('./model-info.js');
      outcome.exitCode = await modelInfo(resolvePaths(), name, flags.json === true);
    });
  models
    .command('recommend')
    .summary('recommend a model for this machine')
    .description(
      'Recommend the model that suits this machine and a language, with the word errors it rests on.',
    )
    .addOption(
      new Option('-l, --language <code>', 'language, e.g. en or de (default: any)').argParser(language),
    )
    .option('--json', 'print one JSON object')
    .addHelpText('after', examples(['sotto models recommend', 'sotto models recommend --language en']))
    .action(async (flags: { language?: string; json?: boolean }) => {
      const { recommend } = await import('./recommend-model.js');
      const { language: wanted, json } = flags;
      outcome.exitCode = await recommend(resolvePaths(), {
        json: json === true,
        ...defined({ language: wanted }),
      });
    });
  addPull(models, outcome);
  models
    .command('remove')
    .alias('rm')
    .summary('remove a model')
    .description('Remove a model. Asks first.')
    .argument('<model>', 'name or owner/name of a model')
    .option('-y, --yes', 'don’t ask')
    .addHelpText(
      'after',
      examples(['sotto models remove whisper-small', 'sotto models remove whisper-small --yes']),
    )
    .action(async (name: string, flags: { yes?: boolean }) => {
      const { remove } = await import('./remove-models.js');
      outcome.exitCode = await interruptible((signal) =>
        remove(resolvePaths(), { name, yes: flags.yes === true, signal }),
      );
    });
  models
    .command('use')
    .summary('choose the model for a task')
    .description(
      'Choose the model that transcribes, or that does another task. A running daemon loads it first and keeps using ' +
        'the old one meanwhile; if loading fails, nothing changes.',
    )
    .argument('<model>', 'name, owner/name or folder of an installed model')
    .addOption(new Option('--task <task>', 'task to use it for (default: its first)').choices(MODEL_TASKS))
    .addHelpText(
      'after',
      examples([
        'sotto models use whisper-large-v3-turbo',
        'sotto models use ~/models/small-4bit',
        'sotto models use kokoro --task speak',
      ]),
    )
    .action(async (name: string, { task }: { task?: ModelTask }) => {
      const { use } = await import('./use-model.js');
      outcome.exitCode = await interruptible((signal) => use(resolvePaths(), name, task, signal));
    });
  models
    .command('unload')
    .summary('unload models from memory')
    .description(
      'Unload models from the daemon’s memory, as it does by itself when idle. The next request loads one again.',
    )
    .addHelpText('after', examples(['sotto models unload']))
    .action(async () => {
      const { unload } = await import('./use-model.js');
      outcome.exitCode = await unload(resolvePaths());
    });
  models
    .command('prune')
    .summary('remove unfinished downloads')
    .description(
      'Remove unfinished downloads. With --unused, remove all downloaded models but the default, too.',
    )
    .option('--unused', 'remove downloaded models other than the default, too')
    .option('-y, --yes', 'don’t ask')
    .addHelpText('after', examples(['sotto models prune', 'sotto models prune --unused']))
    .action(async (flags: { unused?: boolean; yes?: boolean }) => {
      const { prune } = await import('./remove-models.js');
      outcome.exitCode = await interruptible((signal) =>
        prune(resolvePaths(), { unused: flags.unused === true, yes: flags.yes === true, signal }),
      );
    });
}

export function addList(command: Command, outcome: Outcome): void {
  command
    .summary('list installed and available models')
    .description('List installed models, and available ones that suit this machine.')
    .option('-a, --all', 'list every available model')
    .option('--json', 'print one JSON object')
    .addHelpText('after', examples(['sotto models list', 'sotto models list --json | jq -r .recommended']))
    .action(async (flags: { all?: true; json?: true }) => {
      const { listModels } = await import('./list-installed-models.js');
      outcome.exitCode = await listModels(resolvePaths(), {
        all: flags.all === true,
        json: flags.json === true,
      });
    });
}

function addPull(models: Command, outcome: Outcome): void {
  models
    .command('pull')
    .summary('download a model')
    .description(
      'Download a model from the catalog, or any other from the Hugging Face Hub. Interrupted downloads resume, and every ' +
        'byte is verified. HF_TOKEN, HF_ENDPOINT, HTTPS_PROXY and NO_PROXY apply.',
    )
    .argument('<model>', 'catalog name, or owner/name[@revision]')
    .option('--as <name>', 'local name')
    .addOption(
      new Option('-l, --language <codes>', 'comma-separated languages of MMS, besides English').argParser(
        words,
      ),
    )
    .addOption(new Option('--again', 'download again'))
    .option('-q, --quiet', 'print errors only')
    .addHelpText(
      'after',
      examples([
        'sotto models pull turbo',
        'sotto models pull openai/whisper-small',
        'sotto models pull mms-1b-all --language de,sw',
        'sotto models pull mlx-community/whisper-tiny-mlx@main --as tiny-new',
      ]),
    )
    .action(
      async (wanted: string, flags: { as?: string; language?: string[]; again?: boolean; quiet?: true }) => {
        const { pull } = await import('./pull-model.js');
        outcome.exitCode = await interruptible((signal) =>
          pull(resolvePaths(), {
            wanted,
            again: flags.again === true,
            quiet: flags.quiet === true,
            signal,
            ...defined({ as: flags.as, languages: flags.language }),
          }),
        );
      },
    );
}

/** Ctrl-C cancels the work; a second one exits. */
export async function interruptible(work: (signal: AbortSignal) => Promise<number>): Promise<number> {
  const interrupt = onInterrupt();
  try {
    return await work(interrupt.signal);
  } finally {
    interrupt.release();
  }
}
