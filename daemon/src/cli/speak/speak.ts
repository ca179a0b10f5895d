/** `sotto speak`: reads the text. */
import { readFile } from 'node:fs/promises';
import { text as readAll } from 'node:stream/consumers';
import { SottoError } from '../../protocol/errors.js';
import { fileError, TEXT_INPUT } from '../../protocol/file-errors.js';
import type { AudioOnlySource } from '../../protocol/ipc.js';
import type { SynthesisOptions } from '../../protocol/synthesis.js';
import { LIMITS } from '../../protocol/version.js';
import { assertOutput, writeSpeech, type SpeechOutput } from './write-speech.js';

interface SpeakCommand extends SpeechOutput {
  readonly words: readonly string[];
  readonly file?: string;
  readonly options: SynthesisOptions;
}

/** @returns the exit code @throws SottoError */
export async function speak(command: SpeakCommand): Promise<number> {
  assertOutput(command);
  const source: AudioOnlySource = { type: 'text', text: await textOf(command), options: command.options };
  return writeSpeech(source, command);
}

/** @throws SottoError INVALID_ARGUMENT */
async function textOf({ words, file }: SpeakCommand): Promise<string> {
  if (file !== undefined && words.length > 0) {
    throw new SottoError('INVALID_ARGUMENT', 'a text and --file can’t be used together', {
      hint: 'omit one of them',
    });
  }
  const text = (await readText(words, file)).trim();
  if (text === '') {
    throw new SottoError('INVALID_ARGUMENT', 'there is no text to speak', {
      hint: 'give a text, --file FILE, or - for stdin',
    });
  }
  if (text.length > LIMITS.maxSpokenLength) {
    throw new SottoError('INVALID_ARGUMENT', `the text has ${text.length} characters`, {
      hint: `split it: at most ${LIMITS.maxSpokenLength} are spoken at once`,
    });
  }
  return text;
}

async function readText(words: readonly string[], file: string | undefined): Promise<string> {
  if (file !== undefined) {
    try {
      return await readFile(file, 'utf8');
    } catch (error) {
      throw fileError(file, error, TEXT_INPUT);
    }
  }
  return words.length === 1 && words[0] === '-' ? readAll(process.stdin) : words.join(' ');
}
