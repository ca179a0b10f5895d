/** `sotto models convert`. */
import { relative } from 'node:path';
import type { ConvertOptions } from '../../protocol/model-process.js';
import { describeModel } from './describe-model.js';
import { stageBar } from '../terminal/stage-bar.js';
import { runModelTool } from '../../supervisor/model-tool-process.js';

interface ConvertModelOptions {
  /** Absolute. */
  readonly dir: string;
  /** Absolute. */
  readonly out: string;
  readonly force: boolean;
  readonly options: ConvertOptions;
  readonly signal: AbortSignal;
}

/** @returns the exit code @throws SottoError */
export async function convertModel({ signal, ...run }: ConvertModelOptions): Promise<number> {
  const bar = stageBar();
  try {
    const facts = await runModelTool(
      { type: 'convert', ...run },
      { signal, onProgress: (stage, fraction) => bar.show(stage, fraction) },
    );
    bar.clear();
    process.stdout.write(`${describeModel(facts)}\nwritten to ${relative(process.cwd(), run.out) || '.'}\n`);
    return facts.notFinite.length === 0 ? 0 : 1;
  } finally {
    bar.clear();
  }
}
