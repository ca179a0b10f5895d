/** On a Mac, the system decodes AAC, on the processor's own units; Sotto's decoder reads what the system refuses. */
import { existsSync } from 'node:fs';
import { openExternal, type ExternalDecoder } from './external-decoder.js';
import type { PcmBlock, PcmSource } from './pcm-source.js';
import type { PositionedFile } from './positioned-file.js';

/** The system's output may be shorter by this: priming, and an estimated duration. */
const TOLERANCE_SECONDS = 0.5;

export function findSystemDecoder(): ExternalDecoder | undefined {
  const program = '/usr/bin/afconvert';
  return process.platform === 'darwin' && existsSync(program) ? { kind: 'afconvert', program } : undefined;
}

/**
 * @param own the same file, read by Sotto; returned as it is unless it is AAC, complete, and there is a system decoder
 * @param sampleRate of the output, in Hz
 */
export function withSystemAac(
  source: PositionedFile,
  own: PcmSource,
  sampleRate: number,
  decoder: ExternalDecoder | undefined = findSystemDecoder(),
): PcmSource {
  if (own.codec !== 'aac' || own.endsEarly === true || decoder === undefined) return own;
  const system = openExternal(source.path, 'AAC', {
    decoder,
    onProgress: source.onRead,
    sampleRate,
    minSeconds: (own.durationSeconds ?? 0) - TOLERANCE_SECONDS,
  });
  let isStopped = false;
  return {
    ...own,
    async *blocks() {
      const blocks = system.blocks();
      let first: IteratorResult<PcmBlock, void>;
      try {
        first = await blocks.next();
      } catch (error) {
        if (isStopped) throw error;
        yield* own.blocks();
        return;
      }
      if (first.done === true) return;
      yield first.value;
      yield* blocks;
    },
    stop: () => {
      isStopped = true;
      system.stop?.();
    },
  };
}
