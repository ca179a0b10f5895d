/** `sotto codec info`: what a codec reads and makes. */
import { modelDirs, type Paths } from '../../paths.js';
import type { Capabilities } from '../../protocol/capabilities.js';
import { SottoError } from '../../protocol/errors.js';
import { namedOrChosenModel } from '../../store/chosen-model.js';
import { describeModel } from '../../supervisor/model-tool-process.js';
import { onInterrupt } from '../interrupt.js';
import { labeledRows } from '../terminal/labeled-rows.js';

/** Bits per second of all codebooks. */
export function bitRateOf({
  codebooks,
  codebookSize,
  framesPerSecond,
  strides,
}: NonNullable<Capabilities['codec']>): number {
  const codesPerFrame = strides?.reduce((sum, stride) => sum + 1 / stride, 0) ?? codebooks;
  return codesPerFrame * framesPerSecond * Math.log2(codebookSize);
}

/** @returns the exit code @throws SottoError MODEL_NOT_FOUND, MODEL_UNSUPPORTED */
export async function codecInfo(paths: Paths, wanted: string | undefined, json: boolean): Promise<number> {
  const interrupt = onInterrupt();
  try {
    const model = namedOrChosenModel(modelDirs(paths), paths.settings, 'codec', wanted);
    const { family, capabilities } = await describeModel(model.dir, interrupt.signal);
    const { codec } = capabilities;
    if (codec === undefined) {
      throw new SottoError('MODEL_UNSUPPORTED', `${model.name} can’t encode audio`, {
        hint: 'choose a model that can: see `sotto models list`',
      });
    }
    const bitsPerSecond = bitRateOf(codec);
    if (json) {
      process.stdout.write(`${JSON.stringify({ model: model.name, family, ...codec, bitsPerSecond })}\n`);
      return 0;
    }
    process.stdout.write(
      labeledRows([
        ['model', `${model.name} (${family})`],
        ['sample rate', `${codec.sampleRate} Hz`],
        ['codebooks', `${codec.codebooks} of ${codec.codebookSize} codes`],
        ['frames', `${codec.framesPerSecond} per second`],
        ...(codec.encodesOnly === true
          ? [['decoder', 'none: a voice turns the codes into sound'] as const]
          : []),
        ['bit rate', `${(bitsPerSecond / 1000).toFixed(2)} kbit/s with all codebooks`],
      ]),
    );
    return 0;
  } finally {
    interrupt.release();
  }
}
