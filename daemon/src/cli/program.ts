/**
 * The commands of `sotto` with their options and help. Each command loads its implementation when it runs, so that the
 * start is fast.
 */
import { Command } from 'commander';
import { SOTTO_VERSION } from '../protocol/version.js';
import { addAlign } from './align/align-command.js';
import { addAgent } from './agent/agent-command.js';
import { addCapture } from './capture-command.js';
import { addCodec } from './codec/codec-command.js';
import { addCompletion } from './completion/completion-command.js';
import { addConfig } from './config/config-command.js';
import { addDaemon, addStatus } from './daemon/daemon-command.js';
import { addDemo } from './demo/demo-command.js';
import { addDictate } from './dictate-command.js';
import { addDoctor } from './doctor-command.js';
import { configureHelpLayout, examples, fullName, paragraph } from './help/layout.js';
import { refuseUnknownCommands, usageError } from './help/usage-errors.js';
import { addHistory } from './history/history-command.js';
import { addModels, addModelsAlias } from './models/models-command.js';
import { addSpeak } from './speak/speak-command.js';
import { addServe, addToken } from './serve/serve-command.js';
import { addTranscribe } from './transcribe/transcribe-command.js';
import type { Outcome } from './transcribe/create-transcriber.js';
import { addUninstall } from './uninstall/uninstall-command.js';
import { addUpdate } from './update/update-command.js';
import { addVocabulary } from './vocabulary/vocabulary-command.js';
import { addQueue, addWorker } from './worker/worker-command.js';

export type { Outcome } from './transcribe/create-transcriber.js';

export function buildProgram(outcome: Outcome): Command {
  const program = new Command('sotto')
    .usage('<command> [options]')
    .description('Private speech on this machine: from audio to text, and back.')
    .version(SOTTO_VERSION, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'show the help of a command')
    .configureOutput({ outputError: (text, write) => write(usageError(text)) });
  configureHelpLayout(program);

  program.commandsGroup('Speech:');
  addTranscribe(program, outcome);
  addDictate(program, outcome);
  addAlign(program, outcome);
  addSpeak(program, outcome);
  addCodec(program, outcome);
  addHistory(program, outcome);
  addVocabulary(program, outcome);
  addDemo(program, outcome);
  program.commandsGroup('Models and daemon:');
  addModels(program, outcome);
  addModelsAlias(program, outcome);
  addStatus(program, outcome);
  addDaemon(program, outcome);
  addAgent(program, outcome);
  program.commandsGroup('For other programs and machines:');
  addServe(program, outcome);
  addToken(program, outcome);
  addWorker(program, outcome);
  addQueue(program, outcome);
  program.commandsGroup('Setup:');
  addDoctor(program, outcome);
  addConfig(program, outcome);
  addCompletion(program);
  addUpdate(program);
  addUninstall(program, outcome);
  program
    .command('version', { hidden: true })
    .description('Print the version.')
    .action(() => void process.stdout.write(`${SOTTO_VERSION}\n`));
  addCapture(program, outcome);

  program.addHelpText(
    'after',
    examples([
      ['sotto transcribe film.mp4 -f srt', 'print subtitles'],
      ['sotto dictate --copy', 'speak, then paste'],
    ]),
  );
  program.addHelpText(
    'after',
    paragraph(
      'Run `sotto <command> --help` for more about a command.\n\n' +
        'Exit codes: 0 ok, 1 file failed, 2 usage, 3 daemon or model, 130 interrupted',
    ),
  );
  forEachCommand(program, (command) => {
    command.showHelpAfterError(`(see \`${fullName(command)} --help\`)`);
    refuseUnknownCommands(command);
  });
  return program;
}

export function forEachCommand(command: Command, visit: (command: Command) => void): void {
  visit(command);
  for (const child of command.commands) forEachCommand(child, visit);
}
