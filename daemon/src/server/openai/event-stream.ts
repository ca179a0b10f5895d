/** Streams a transcript as server-sent events: one delta for each segment, then the whole text. */
import { codedError } from '../../protocol/file-errors.js';
import type { StreamEvent } from '../../protocol/openai.js';
import { errorBody } from '../http/error-body.js';
import { DONE, formatEvent } from '../http/sse.js';
import { logprobsOf, tokensUsage } from './responses.js';
import type { TranscriptionRequest } from './request.js';
import type { TranscriptionJob } from './transcription-job.js';

/** The joined deltas equal the trimmed text, so trailing white space is held back until more text follows. */
export async function* streamed(
  job: TranscriptionJob,
  { logprobs }: TranscriptionRequest,
): AsyncGenerator<string> {
  try {
    let text = '';
    let space = '';
    for await (const segment of job.segmentStream()) {
      const pending = (space + segment.text).slice(text === '' ? leadingSpace(space + segment.text) : 0);
      const delta = pending.trimEnd();
      space = pending.slice(delta.length);
      if (delta === '') continue;
      text += delta;
      yield event({
        type: 'transcript.text.delta',
        delta,
        ...(logprobs && { logprobs: logprobsOf(segment) }),
      });
    }
    const done = await job.result();
    yield event({
      type: 'transcript.text.done',
      text,
      ...(logprobs && { logprobs: done.segments.flatMap(logprobsOf) }),
      usage: tokensUsage(done),
    });
  } catch (thrown) {
    // The status 200 was already sent; clients expect errors as events.
    yield formatEvent(errorBody(codedError(thrown)));
  } finally {
    job.cancel();
  }
  yield DONE;
}

function event(value: StreamEvent): string {
  return formatEvent(value);
}

function leadingSpace(text: string): number {
  return text.length - text.trimStart().length;
}
