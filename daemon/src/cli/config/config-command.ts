/** `sotto config`: its commands and help. */
import { Argument, type Command } from 'commander';
import { resolvePaths } from '../../paths.js';
import { SETTING_NAMES } from '../../settings.js';
import { examples } from '../help/layout.js';
import type { Outcome } from '../transcribe/create-transcriber.js';

export function addConfig(program: Command, outcome: Outcome): void {
  const config = program
    .command('config')
    .summary('show and change settings')
    .description('Show and change settings. They are stored in settings.json in Sotto’s folder.');
  config.addHelpText(
    'after',
    examples([
      ['sotto config', 'all settings'],
      'sotto config get history.keepDays',
      'sotto config set history.keepDays 7',
      ['sotto config unset history.keepDays', 'back to the default'],
    ]),
  );
  const key = () => new Argument('<key>', 'name of the setting').choices(SETTING_NAMES);
  const list = config
    .command('list', { isDefault: true })
    .alias('ls')
    .description('List all settings with their values.')
    .option('--json', 'print one JSON object')
    .action(async (flags: { json?: true }) => {
      const { listSettings } = await import('./config-actions.js');
      outcome.exitCode = listSettings(resolvePaths(), flags.json === true);
    });
  list.addHelpText('after', examples(['sotto config list', 'sotto config list --json']));
  const get = config
    .command('get')
    .description('Print the value of a setting. Prints nothing if it has none.')
    .addArgument(key())
    .action(async (name: string) => {
      const { getSetting } = await import('./config-actions.js');
      outcome.exitCode = getSetting(resolvePaths(), name);
    });
  get.addHelpText('after', examples(['sotto config get model']));
  const set = config
    .command('set')
    .description('Change a setting.')
    .addArgument(key())
    .argument('<value>', 'new value')
    .action(async (name: string, value: string) => {
      const { setSetting } = await import('./config-actions.js');
      outcome.exitCode = await setSetting(resolvePaths(), name, value);
    });
  set.addHelpText(
    'after',
    examples(['sotto config set memory.unloadAfterMinutes 10', 'sotto config set history.keepAudio true']),
  );
  const unset = config
    .command('unset')
    .description('Return a setting to its default.')
    .addArgument(key())
    .action(async (name: string) => {
      const { setSetting } = await import('./config-actions.js');
      outcome.exitCode = await setSetting(resolvePaths(), name, undefined);
    });
  unset.addHelpText('after', examples(['sotto config unset http.port']));
}
