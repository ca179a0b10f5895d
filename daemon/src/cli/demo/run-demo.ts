/** `sotto demo`: transcribes the sample clips and counts correct words. */
import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import * as v from 'valibot';
import { bundledSpeech } from '../../paths.js';
import { SottoError } from '../../protocol/errors.js';
import { INTERRUPTED } from '../interrupt.js';
import { clock, formatSpeed } from '../../format-duration.js';
import { styleFor, wantsColor } from '../terminal/style.js';
import type { Transcriber } from '../../batch/transcriber.js';
import type { TranscribeView } from '../transcribe/transcribe-view.js';
import { fullText } from '../../writers/index.js';
import type { Segment } from '../../protocol/transcription.js';
import { errorsIn } from '../models/word-errors.js';

const clipSchema = v.object({
  file: v.string(),
  seconds: v.number(),
  language: v.string(),
  text: v.string(),
  kind: v.string(),
});

interface DemoDeps {
  readonly transcriber: Transcriber;
  readonly view: TranscribeView;
  readonly signal: AbortSignal;
}

/** @returns the exit code @throws SottoError */
export async function demo({ transcriber, view, signal }: DemoDeps): Promise<number> {
  const style = styleFor(wantsColor(process.stdout));
  let audioSeconds = 0;
  let workSeconds = 0;
  for (const clip of readClips()) {
    const path = join(bundledSpeech, clip.file);
    view.begin(relative(process.cwd(), path));
    const segments: Segment[] = [];
    try {
      for await (const event of transcriber.transcribe(path, { timestamps: 'auto' }, { signal })) {
        view.event(event);
        if (event.type === 'segment') {
          segments.push(event.segment);
          view.put(`${event.segment.text.trim()}\n`);
        } else if (event.type === 'final') {
          const { durationSeconds, timings, language } = event.summary;
          audioSeconds += durationSeconds;
          workSeconds += timings.total;
          const { errors, spoken } = errorsIn(clip.text, fullText(segments), clip.language);
          const facts = [
            `${durationSeconds.toFixed(1)} s of speech in ${timings.total.toFixed(1)} s`,
            `${formatSpeed(durationSeconds / timings.total)} real time`,
            language,
            `${Math.max(0, spoken - errors)} of ${spoken} words correct`,
          ];
          view.put(`${style.dim(facts.join(' · '))}\n`);
        }
      }
    } catch (error) {
      view.close();
      if (signal.aborted) return INTERRUPTED;
      throw error;
    }
  }
  view.close();
  const speed = formatSpeed(audioSeconds / workSeconds);
  process.stdout.write(
    [
      `\n${style.bold(`${clock(audioSeconds)} of speech in ${clock(workSeconds)}, ${speed} real time`)}, all of it on this machine.`,
      '',
      'Next:',
      `  ${style.cyan('sotto transcribe talk.mp3')}                     your own recording`,
      `  ${style.cyan('sotto transcribe *.m4a --format srt --output subtitles')}`,
      `  ${style.cyan('sotto daemon start')}                            keep the model loaded`,
      `  ${style.cyan('sotto --help')}`,
      '',
    ].join('\n'),
  );
  return 0;
}

function readClips(): v.InferOutput<typeof clipSchema>[] {
  const manifest = join(bundledSpeech, 'manifest.jsonl');
  try {
    const lines = readFileSync(manifest, 'utf8').trim().split('\n');
    const clips = lines.map((line) => v.parse(clipSchema, JSON.parse(line)));
    // Clips of 16th-century verse are for tests and would give a wrong impression.
    return clips.filter(({ kind }) => !kind.startsWith('verse'));
  } catch (error) {
    throw new SottoError('AUDIO_NOT_FOUND', `the sample clips are missing from ${bundledSpeech}`, {
      cause: error,
      hint: 'reinstall Sotto',
    });
  }
}
