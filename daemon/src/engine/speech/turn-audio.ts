/** The audio of a conversation's turns: files that are opened, and samples that came in the message. */
import type { AudioStream, ConversationTurn } from '#daemon/models/speech-model.js';
import type { Turn, TurnContent } from '#daemon/protocol/conversation.js';
import { SAMPLE_RATE } from '#daemon/protocol/live.js';
import { throwIfCancelled } from '../../async.js';
import { fromPcm16 } from '../../signal/pcm16.js';
import type { OpenAudio, OpenedAudio } from '../files/file-context.js';

interface OpenedTurns {
  readonly turns: readonly ConversationTurn[];
  readonly close: () => Promise<void>;
}

/**
 * Opens all files of the turns. They close with `close`, and as soon as `signal` is aborted: a reader that waits for its
 * decoder would not see it.
 *
 * @throws SottoError AUDIO_* for a file that can't be opened, CANCELLED
 */
export async function openTurns(
  turns: readonly Turn[],
  openAudio: OpenAudio,
  signal: AbortSignal,
): Promise<OpenedTurns> {
  const files: OpenedAudio[] = [];
  const close = async (): Promise<void> => {
    signal.removeEventListener('abort', stop);
    await Promise.all(files.map((file) => file.close().catch(() => undefined)));
  };
  const stop = (): void => void close();
  signal.addEventListener('abort', stop, { once: true });

  const open = async (part: TurnContent): Promise<ConversationTurn['content'][number]> => {
    if (part.type === 'text') return part;
    if (part.type === 'pcm') return { type: 'audio', audio: streamOf(part.pcm) };
    const audio = await openAudio(part.path);
    files.push(audio);
    throwIfCancelled(signal);
    return { type: 'audio', audio };
  };

  try {
    const opened: ConversationTurn[] = [];
    for (const { role, content } of turns) {
      const parts: ConversationTurn['content'][number][] = [];
      for (const part of content) parts.push(await open(part));
      opened.push({ role, content: parts });
    }
    return { turns: opened, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** @param pcm s16le mono 16 kHz, in base64 */
function streamOf(pcm: string): AudioStream {
  const samples = fromPcm16(Buffer.from(pcm, 'base64'));
  return { durationSeconds: samples.length / SAMPLE_RATE, samples: readOnce(samples) };
}

async function* readOnce(samples: Float32Array): AsyncGenerator<Float32Array> {
  yield await Promise.resolve(samples);
}
