/** Delivers the final text. */
import type { Paths } from '../../paths.js';
import { SottoError } from '../../protocol/errors.js';
import { openOutputs, type Outputs } from '../../writers/placement/outputs.js';
import { clipboardCommand, copyText, type ClipboardCommand } from './clipboard.js';

interface TextDelivery {
  /** All failed deliveries; after a failure the text is printed as well. */
  readonly failures: readonly SottoError[];
  /** Successful deliveries, for people. */
  readonly facts: readonly string[];
  readonly print: boolean;
}

interface DeliveryFlags {
  readonly output?: string;
  readonly copy?: boolean;
  /** Replace a file that Sotto did not write, or that was edited. */
  readonly overwrite?: boolean;
}

interface Output {
  readonly path: string;
  readonly outputs: Outputs;
}

export class Deliverer {
  readonly #output: Output | undefined;
  readonly #clipboard: ClipboardCommand | undefined;

  private constructor(output: Output | undefined, clipboard: ClipboardCommand | undefined) {
    this.#output = output;
    this.#clipboard = clipboard;
  }

  /**
   * Checks before the dictation starts whether the text can be delivered.
   * @throws SottoError OUTPUT_FAILED, OUTPUT_EXISTS
   */
  static async prepare(
    { output, copy = false, overwrite = false }: DeliveryFlags,
    paths: Paths,
  ): Promise<Deliverer> {
    const clipboard = copy ? clipboardCommand() : undefined;
    if (output === undefined) return new Deliverer(undefined, clipboard);
    const outputs = await openOutputs(paths, overwrite);
    await outputs.assertWritable(output);
    return new Deliverer({ path: output, outputs }, clipboard);
  }

  async deliver(text: string): Promise<TextDelivery> {
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
      const { path, outputs } = this.#output;
      const document = text === '' ? '' : `${text}\n`;
      await attempt(outputs.placeOrFail(path, document, { makeFolder: false }), `→ ${path}`);
    }
    return { failures, facts, print: this.#output === undefined || failures.length > 0 };
  }
}
