/** `sotto align`: the words of a text with their times, in a process of their own. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { modelDirs, type Paths } from '../../paths.js';
import { defined } from '../../protocol/defined.js';
import { SottoError } from '../../protocol/errors.js';
import { TEXT_INPUT } from '../../protocol/file-errors.js';
import { readSmallFile } from '../../read-small-file.js';
import { namedOrChosenModel } from '../../store/chosen-model.js';
import { alignText } from '../../supervisor/model-tool-process.js';
import { onInterrupt } from '../interrupt.js';
import { assertCanWrite, placeOutput } from '../output-file.js';
import { stageBar } from '../terminal/stage-bar.js';
import { formatAlignment, type AlignFormat } from './align-formats.js';

interface AlignCommand {
  readonly paths: Paths;
  readonly file: string;
  readonly textFile: string;
  readonly format: AlignFormat;
  readonly model?: string;
  readonly language?: string;
  readonly output?: string;
  readonly overwrite: boolean;
  readonly quiet: boolean;
}

/** Some 200 hours of speech. */
const MAX_TEXT_BYTES = 16 * 2 ** 20;

/** @returns the exit code @throws SottoError */
export async function align(command: AlignCommand): Promise<number> {
  const { paths, file, textFile, format, language, overwrite, quiet } = command;
  const output = command.output === '-' ? undefined : command.output;
  if (output !== undefined) assertCanWrite(output, overwrite);
  if (!existsSync(file)) throw new SottoError('AUDIO_NOT_FOUND', `${file} does not exist`);
  const text = readSmallFile(textFile, MAX_TEXT_BYTES, TEXT_INPUT).replaceAll('\r\n', '\n');
  const model = namedOrChosenModel(modelDirs(paths), paths.settings, 'transcribe', command.model);
  const interrupt = onInterrupt();
  const bar = quiet ? undefined : stageBar();
  try {
    const request = { dir: model.dir, file: resolve(file), text, ...defined({ language }) };
    const alignment = await alignText(request, {
      signal: interrupt.signal,
      onProgress: (stage, fraction) => bar?.show(stage, fraction),
    });
    bar?.clear();
    const document = await formatAlignment({ file, model: model.name, text, alignment }, format);
    if (output === undefined) process.stdout.write(document);
    else await placeOutput(output, overwrite, (handle) => handle.writeFile(document));
    const { unknown } = alignment;
    if (!quiet && unknown.length > 0) {
      process.stderr.write(
        `${model.name} has no tokens for ${unknown.join(' ')}: their times are estimates\n`,
      );
    }
    return 0;
  } finally {
    bar?.clear();
    interrupt.release();
  }
}
