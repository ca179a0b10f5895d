/** `sotto codec decode`: the audio of codes. */
import { modelArgument } from '../../store/model-argument.js';
import { defined } from '../../protocol/defined.js';
import { assertOutput, writeSpeech, type SpeechOutput } from '../speak/write-speech.js';
import { onInterrupt } from '../interrupt.js';
import { readCodes } from './codes-file.js';
import { encodecShape } from './encodec-shape.js';

/** @returns the exit code @throws SottoError */
export async function decode(file: string, output: SpeechOutput): Promise<number> {
  assertOutput(output);
  const shapeOf = async (): ReturnType<typeof encodecShape> => {
    const interrupt = onInterrupt();
    try {
      return await encodecShape(output.paths, output.model, interrupt.signal);
    } finally {
      interrupt.release();
    }
  };
  const { model: named, sampleRate: _, ...encoded } = await readCodes(file, shapeOf);
  // A file may come from others, so it names a model, never a folder.
  const known = named?.includes('/') === true ? undefined : named;
  const model = output.model ?? modelArgument(known, output.paths);
  return writeSpeech({ type: 'codes', encoded }, { ...output, ...defined({ model }) });
}
