import { fullText, SottoError } from 'sotto/client';
import type { Segment } from 'sotto/protocol';
import { withDaemon } from '../lib/daemon';
import { parsePath } from '../files/selected-files';
import { readSettings } from '../lib/preferences';

type Input = {
  /** The absolute path of an audio or video file, such as `/Users/me/Downloads/talk.m4a`. */
  path: string;
  /**
   * The language that is spoken in it, as a code of two letters such as `en` or `de`. Leave it out if the user does not
   * name it: it is found out by listening.
   */
  language?: string;
};

/** Writes down what is said in an audio or video file, on this Mac. Gives the text. */
export default async function transcribeFile({ path, language }: Input): Promise<string> {
  try {
    const settings = readSettings();
    const file = parsePath(path);
    if (file === undefined) throw new SottoError('AUDIO_NOT_FOUND', `${path} is not an absolute path`);
    const spoken = language?.trim().toLowerCase() || settings.language;
    return await withDaemon(settings, async (client) => {
      const segments: Segment[] = [];
      const options = spoken === undefined ? {} : { language: spoken };
      const { model } = settings;
      for await (const event of client.transcribe(file, options, model === undefined ? {} : { model })) {
        if (event.type === 'segment') segments.push(event.segment);
      }
      return fullText(segments) || 'Nothing is said in this file.';
    });
  } catch (thrown) {
    // All that Raycast passes on of an error is its message.
    const { message, hint } = SottoError.from(thrown);
    throw new Error(`${message} (${hint})`, { cause: thrown });
  }
}
