import { modelDirs, type Paths } from '../../paths.js';
import { SottoError } from '../../protocol/errors.js';
import { namedOrChosenModel } from '../../store/chosen-model.js';
import { describeModel } from '../../supervisor/model-tool-process.js';
import type { EncodecShape } from './ecdc-file.js';

/**
 * The shape of the Encodec model that an `.ecdc` file is for.
 *
 * @param wanted name or absolute folder; the chosen codec if omitted
 * @throws SottoError INVALID_ARGUMENT for another model, MODEL_NOT_FOUND, CANCELLED
 */
export async function encodecShape(
  paths: Paths,
  wanted: string | undefined,
  signal: AbortSignal,
): Promise<EncodecShape> {
  const model = namedOrChosenModel(modelDirs(paths), paths.settings, 'codec', wanted);
  const { family, capabilities } = await describeModel(model.dir, signal);
  if (family === 'encodec' && capabilities.codec !== undefined) return capabilities.codec;
  throw new SottoError('INVALID_ARGUMENT', `${model.name} is no Encodec model, which .ecdc files need`, {
    hint: 'choose one with --model, or use a .json file',
  });
}
