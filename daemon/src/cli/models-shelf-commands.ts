/** The commands around the models that are here: what there is, getting one, taking one away, choosing one. */
import { Option, type Command } from 'commander';
import { resolvePaths } from '../paths.js';
import { onInterrupt } from './interrupt.js';

type Outcome = { exitCode: number };

export function addShelf(models: Command, outcome: Outcome): void {
  models
    .command('list')
    .summary('the models that are here, and those that there are')
    .description('Lists the models that are here and those of the catalogue, with what suits this machine.')
    .option('--json', 'as one JSON object')
    .addHelpText('after', '\nExamples:\n  sotto models list\n  sotto models list --json | jq -r .recommended')
    .action(async (flags: { json?: boolean }) => {
      const { listModels } = await import('./models-list.js');
      outcome.exitCode = await listModels(resolvePaths(), flags.json === true);
    });
  models
    .command('info')
    .summary('what is known of a model')
    .description(
      'Says what is known of a model that is here or in the catalogue: size, memory, where it is from.',
    )
    .argument('<model>', 'name, owner/name or folder of a model')
    .option('--json', 'as one JSON object')
    .addHelpText(
      'after',
      '\nExamples:\n  sotto models info turbo\n  sotto models info whisper-base-6bit --json',
    )
    .action(async (name: string, flags: { json?: boolean }) => {
      const { modelInfo } = await import('./models-info.js');
      outcome.exitCode = await modelInfo(resolvePaths(), name, flags.json === true);
    });
  addPull(models, outcome);
  models
    .command('remove')
    .summary('take a model away')
    .description('Deletes a model from the folder of models. Asks before, on a terminal.')
    .argument('<model>', 'name or owner/name of a model')
    .option('-y, --yes', 'do not ask')
    .addHelpText(
      'after',
      '\nExamples:\n  sotto models remove whisper-small\n  sotto models remove whisper-small --yes',
    )
    .action(async (name: string, flags: { yes?: boolean }) => {
      const { remove } = await import('./models-remove.js');
      outcome.exitCode = await interruptible((signal) =>
        remove(resolvePaths(), { name, yes: flags.yes === true, signal }),
      );
    });
  models
    .command('use')
    .summary('choose the model that is used when none is named')
    .description(
      'Writes the model into settings.json: it is used wherever no other is named. A daemon that runs loads it first,\n' +
        'while the model before it serves; if it can’t be loaded, nothing changes.',
    )
    .argument('<model>', 'name, owner/name or folder of a model that is here')
    .addHelpText(
      'after',
      '\nExamples:\n  sotto models use whisper-large-v3-turbo\n  sotto models use ~/models/small-4bit\n  sotto models use whisper-base-6bit',
    )
    .action(async (name: string) => {
      const { use } = await import('./models-use.js');
      outcome.exitCode = await interruptible((signal) => use(resolvePaths(), name, signal));
    });
  models
    .command('unload')
    .summary('free the memory that models take')
    .description(
      'Has a daemon that runs let go of its models, as it does by itself when nobody has worked for a while. Whoever\n' +
        'needs one next waits until it is loaded anew.',
    )
    .addHelpText('after', '\nExamples:\n  sotto models unload')
    .action(async () => {
      const { unload } = await import('./models-use.js');
      outcome.exitCode = await unload(resolvePaths());
    });
  models
    .command('prune')
    .summary('take away what no model needs')
    .description(
      'Deletes downloads that were given up. With --unused, pulled models too, but for the chosen one.',
    )
    .option('--unused', 'pulled models as well that are not the chosen one')
    .option('-y, --yes', 'do not ask')
    .addHelpText('after', '\nExamples:\n  sotto models prune\n  sotto models prune --unused')
    .action(async (flags: { unused?: boolean; yes?: boolean }) => {
      const { prune } = await import('./models-remove.js');
      outcome.exitCode = await interruptible((signal) =>
        prune(resolvePaths(), { unused: flags.unused === true, yes: flags.yes === true, signal }),
      );
    });
}

function addPull(models: Command, outcome: Outcome): void {
  models
    .command('pull')
    .summary('get a model from the hub')
    .description(
      'Brings a model of the catalogue, or any other of the hub, into the folder of models. Each byte is checked\n' +
        'against what the hub declares. A download that was broken off goes on where it stopped.\n' +
        'HF_TOKEN, HF_ENDPOINT, HTTPS_PROXY and NO_PROXY are honoured.',
    )
    .argument('<model>', 'name in the catalogue, or owner/name, with @revision after it if not the newest')
    .option('--as <name>', 'what to call it here')
    .addOption(new Option('--again', 'bring it although it is here'))
    .addHelpText(
      'after',
      `
Examples:
  sotto models pull turbo
  sotto models pull openai/whisper-small
  sotto models pull mlx-community/whisper-tiny-mlx@main --as tiny-new`,
    )
    .action(async (wanted: string, flags: { as?: string; again?: boolean }) => {
      const { pull } = await import('./models-pull.js');
      outcome.exitCode = await interruptible((signal) =>
        pull(resolvePaths(), {
          wanted,
          again: flags.again === true,
          signal,
          ...(flags.as !== undefined && { as: flags.as }),
        }),
      );
    });
}

/** Ctrl-C calls the work off; a second one ends the process. */
export async function interruptible(work: (signal: AbortSignal) => Promise<number>): Promise<number> {
  const interrupt = onInterrupt();
  try {
    return await work(interrupt.signal);
  } finally {
    interrupt.release();
  }
}
