/** Formats a transcript as the responses of OpenAI's API. */
import type { Logprob, StreamEvent, ApiTranscription, VerboseTranscription } from '../../protocol/openai.js';
import { defined } from '../../protocol/defined.js';
import { familyDetails, type Segment } from '../../protocol/transcription.js';
import { formatOf, fullText, render } from '../../writers/index.js';
import { json, type Reply } from '../http/route.js';
import type { TranscriptionRequest } from './request.js';
import type { TranscriptionResult } from './transcription-job.js';
import { languageName } from './language-name.js';

const PLAIN = { 'content-type': 'text/plain; charset=utf-8' };
/** As OpenAI counts. */
const AUDIO_TOKENS_PER_SECOND = 10;

type Usage = Extract<StreamEvent, { type: 'transcript.text.done' }>['usage'];

export async function replyFor(request: TranscriptionRequest, done: TranscriptionResult): Promise<Reply> {
  switch (request.format) {
    case 'json':
      return json(plainJson(request, done));
    case 'verbose_json':
      return json(verboseJson(request, done));
    case 'text':
      return { headers: PLAIN, body: `${fullText(done.segments)}\n` };
    case 'srt':
      return { headers: PLAIN, body: await subtitles('srt', done) };
    case 'vtt':
      return { headers: { 'content-type': 'text/vtt; charset=utf-8' }, body: await subtitles('vtt', done) };
  }
}

function plainJson(
  { logprobs }: TranscriptionRequest,
  { segments, summary }: TranscriptionResult,
): ApiTranscription {
  return {
    text: fullText(segments),
    ...(logprobs && { logprobs: segments.flatMap(logprobsOf) }),
    usage: durationUsage(summary.durationSeconds),
  };
}

function verboseJson(
  { task, timestamps }: TranscriptionRequest,
  { segments, summary }: TranscriptionResult,
): VerboseTranscription {
  const { language, durationSeconds: duration } = summary;
  return {
    task,
    // The language of the text, so English after a translation.
    language: task === 'translate' ? 'english' : languageName(language),
    duration,
    text: fullText(segments),
    ...(timestamps.segments && { segments: segments.map(verboseSegment) }),
    ...(timestamps.words && { words: segments.flatMap(({ words = [] }) => words.map(verboseWord)) }),
    usage: durationUsage(duration),
  };
}

function verboseSegment(segment: Segment, id: number): NonNullable<VerboseTranscription['segments']>[number] {
  const { start, end, text, tokens } = segment;
  const { temperature, avgLogprob, compressionRatio, noSpeechProb } = familyDetails(segment);
  return {
    id,
    seek: Math.floor(start * 100),
    start,
    end,
    text,
    ...defined({
      tokens,
      temperature: numberOf(temperature),
      avg_logprob: numberOf(avgLogprob),
      compression_ratio: numberOf(compressionRatio),
      no_speech_prob: numberOf(noSpeechProb),
    }),
  };
}

/** What a family does not know is absent. */
function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

function verboseWord({ word, start, end }: { word: string; start: number; end: number }) {
  return { word: word.trim(), start, end };
}

/** Log probabilities of the text tokens. */
export function logprobsOf({ tokenBytes = [], tokenLogprobs = [] }: Segment): Logprob[] {
  return tokenBytes.flatMap((encoded, at) => {
    if (encoded === '') return [];
    const bytes = Buffer.from(encoded, 'base64');
    return [{ token: bytes.toString('utf8'), logprob: tokenLogprobs[at] ?? 0, bytes: [...bytes] }];
  });
}

async function subtitles(format: 'srt' | 'vtt', { segments, summary }: TranscriptionResult): Promise<string> {
  return render(await formatOf(format).writer(), { file: '', segments, summary });
}

function durationUsage(seconds: number): ApiTranscription['usage'] {
  return { type: 'duration', seconds: Math.ceil(seconds) };
}

export function tokensUsage({ segments, summary }: TranscriptionResult): Usage {
  const audio = Math.ceil(summary.durationSeconds * AUDIO_TOKENS_PER_SECOND);
  const output = segments.reduce((sum, { tokens = [] }) => sum + tokens.length, 0);
  return {
    type: 'tokens',
    input_tokens: audio,
    input_token_details: { text_tokens: 0, audio_tokens: audio },
    output_tokens: output,
    total_tokens: audio + output,
  };
}
