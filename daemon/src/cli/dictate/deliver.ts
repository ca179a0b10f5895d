/** Where the text goes once it is final. */
import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { SottoError } from '../../protocol/errors.js';
import { writeWhole } from '../output-files.js';
import { clipboardCommand, copyText, type ClipboardCommand } from './clipboard.js';

export interface Delivery {
  /** Everything that went wrong; the text is printed then, wherever else it should have gone. */
  readonly failures: readonly SottoError[];
  /** What was done, for people. */
  readonly facts: readonly string[];
  readonly print: boolean;
}

export class Delivering {
  readonly #output: string | undefined;
  readonly #clipboard: ClipboardCommand | undefined;

  private constructor(output: string | undefined, clipboard: ClipboardCommand | undefined) {
    this.#output = output;
    this.#clipboard = clipboard;
  }

  /**
   * Looks before anybody speaks whether the text can go where it should.
   * @throws SottoError OUTPUT_FAILED
   */
  static async prepare({ output, copy = false }: { output?: string; copy?: boolean }): Promise<Delivering> {
    if (output !== undefined) await mustBeWritable(output);
    return new Delivering(output, copy ? clipboardCommand() : undefined);
  }

  /** `print`: whether the text is for stdout if nothing else is asked for. */
  async deliver(text: string): Promise<Delivery> {
    const failures: SottoError[] = [];
    const facts: string[] = [];
    const attempt = async (work: Promise<void>, done: string): Promise<void> => {
      try {
        await work;
        facts.push(done);
      } catch (error) {
        failures.push(SottoError.from(error, 'OUTPUT_FAILED'));
      }
    };
    if (this.#clipboard !== undefined && text !== '')
      await attempt(copyText(text, this.#clipboard), 'copied');
    if (this.#output !== undefined) {
      await attempt(writeWhole(this.#output, text === '' ? '' : `${text}\n`), `→ ${this.#output}`);
    }
    return { failures, facts, print: this.#output === undefined || failures.length > 0 };
  }
}

async function mustBeWritable(output: string): Promise<void> {
  const folder = dirname(resolve(output));
  const there = await stat(folder).catch(() => undefined);
  if (there?.isDirectory() !== true) {
    throw new SottoError('OUTPUT_FAILED', `${output} can't be written: there is no folder ${folder}`);
  }
  if ((await stat(output).catch(() => undefined))?.isDirectory() === true) {
    throw new SottoError('OUTPUT_FAILED', `${output} is a folder`, { hint: 'give the name of a file' });
  }
}
