/** `sotto demo`: its help. */
import type { Command } from 'commander';
import { resolvePaths, type Paths } from '../../paths.js';
import { examples } from '../help/layout.js';
import {
  chooseView,
  daemonTranscriber,
  withInterrupt,
  type Outcome,
} from '../transcribe/create-transcriber.js';

export function addDemo(program: Command, outcome: Outcome): void {
  const command = program
    .command('demo')
    .summary('transcribe the included sample recordings')
    .description('Transcribe the included sample recordings and count the correct words.')
    .action(async () => {
      const paths = resolvePaths();
      const { demo } = await import('./run-demo.js');
      const view = await chooseView({ headers: true, wrap: true });
      let started = false;
      const transcriber = await daemonTranscriber(paths, view, undefined, () => (started = true));
      try {
        await withInterrupt(transcriber, outcome, (signal) => demo({ transcriber, view, signal }));
      } finally {
        // The demo stops the daemon that it started.
        if (started) await stopDaemon(paths);
      }
    });
  command.addHelpText('after', examples(['sotto demo']));
}

async function stopDaemon(paths: Paths): Promise<void> {
  const { findDaemon } = await import('../daemon/start-daemon.js');
  const client = await findDaemon(paths);
  await client?.stop();
}
