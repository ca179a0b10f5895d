/** `POST /v1/audio/speech`: the audio is sent while it is made. */
import * as v from 'valibot';
import { EventQueue } from '../../event-queue.js';
import { defined } from '../../protocol/defined.js';
import { SottoError } from '../../protocol/errors.js';
import { isModelId, isOpenaiSpeechName, speechRequestSchema } from '../../protocol/openai.js';
import { toPcm16 } from '../../signal/pcm16.js';
import { Resampler } from '../../signal/resample.js';
import { wavData, wavHeader } from '../../signal/wav-format.js';
import type { SpeechService } from '../../sessions/speech/speech-service.js';
import type { SpeechNotice } from '../../sessions/speech/speech-session.js';
import { readJson } from '../http/json-body.js';
import type { Call, Reply, Route } from '../http/route.js';

/** `pcm` has no header: OpenAI's clients expect this rate, in Hz. */
const PCM_RATE = 24_000;
const FORMATS = ['wav', 'pcm'] as const;
type Format = (typeof FORMATS)[number];
/** OpenAI's voices, which programs name without meaning one of the model. */
const OPENAI_VOICES = new Set([
  'alloy',
  'ash',
  'ballad',
  'coral',
  'echo',
  'fable',
  'nova',
  'onyx',
  'sage',
  'shimmer',
  'verse',
  'marin',
  'cedar',
]);

type Speeches = Pick<SpeechService, 'open'>;
type SpeechFields = v.InferOutput<typeof speechRequestSchema>;

export function speechRoutes(speeches: Speeches): Route[] {
  return [
    {
      method: 'POST',
      path: '/v1/audio/speech',
      usesEngine: true,
      answer: (call) => answer(speeches, call),
    },
  ];
}

async function answer(speeches: Speeches, { request, signal }: Call): Promise<Reply> {
  const fields = fieldsOf(await readJson(request, signal));
  const format = formatOf(fields);
  const speech = begin(speeches, fields, signal);
  // The status of the answer: most errors come before the first audio.
  const opened = await speech.notices.next();
  const first = await speech.notices.next();
  if (opened.value?.type !== 'opened' || first.done === true)
    throw new SottoError('INTERNAL', 'the speech ended before it began');
  return {
    headers: {
      'content-type': format === 'wav' ? 'audio/wav' : `audio/pcm;rate=${PCM_RATE}`,
      'x-sotto-model': encodeURIComponent(speech.model),
    },
    body: audioOf(opened.value.sampleRate, first.value, speech, format),
  };
}

/** @throws SottoError INVALID_ARGUMENT */
function fieldsOf(body: unknown): SpeechFields {
  const parsed = v.safeParse(speechRequestSchema, body);
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  const param = issue.path?.map(({ key }) => String(key)).join('.');
  throw new SottoError('INVALID_ARGUMENT', `${param ?? 'the body'}: ${issue.message}`, defined({ param }));
}

/** @throws SottoError INVALID_ARGUMENT */
function formatOf({ response_format: format = 'wav', stream_format: stream }: SpeechFields): Format {
  if (stream === 'sse') {
    throw new SottoError('INVALID_ARGUMENT', 'server-sent events of audio are not supported', {
      hint: 'omit stream_format: the audio is sent while it is made',
      param: 'stream_format',
    });
  }
  const known = FORMATS.find((one) => one === format);
  if (known !== undefined) return known;
  throw new SottoError('INVALID_ARGUMENT', `${format} is not supported`, {
    hint: `use response_format ${FORMATS.join(' or ')}`,
    param: 'response_format',
  });
}

interface Speech {
  readonly model: string;
  /** From `opened` on. @throws SottoError the error of the speech */
  readonly notices: AsyncGenerator<SpeechNotice, void>;
  /** The client has these samples, from the start of the speech. */
  acknowledge(samples: number): void;
}

/** @throws SottoError MODEL_NOT_FOUND */
function begin(speeches: Speeches, fields: SpeechFields, signal: AbortSignal): Speech {
  const { model: named, input: text, speed } = fields;
  const wanted = isOpenaiSpeechName(named) ? undefined : named;
  // HTTP clients can't name folders.
  if (wanted !== undefined && !isModelId(wanted)) {
    throw new SottoError('MODEL_NOT_FOUND', 'this is not a model name', {
      hint: 'see /v1/models',
      param: 'model',
    });
  }
  const queue = new EventQueue<SpeechNotice>();
  const options = defined({ voice: voiceOf(fields), speed });
  const { session, model } = speeches.open(
    { source: { type: 'text', text, options }, ...defined({ model: wanted }) },
    (notice) => {
      if (notice.type === 'failed') queue.end(notice.error);
      else if (notice.type !== 'waiting') queue.push(notice);
      if (notice.type === 'final') queue.end();
    },
  );
  const cancel = (): void => {
    session.cancel();
    queue.end(new SottoError('CANCELLED', 'the client disconnected'));
  };
  if (signal.aborted) cancel();
  else signal.addEventListener('abort', cancel, { once: true });
  return { model, notices: queue.read(), acknowledge: (samples) => session.acknowledge(samples) };
}

/** The voice of the model; its default voice for OpenAI's names. */
function voiceOf({ voice }: SpeechFields): string | undefined {
  const name = typeof voice === 'string' ? voice : voice.id;
  return OPENAI_VOICES.has(name) ? undefined : name;
}

/** The parts of the body. A part counts as played once the next one is requested. */
async function* audioOf(
  rate: number,
  first: SpeechNotice,
  speech: Speech,
  format: Format,
): AsyncGenerator<Uint8Array> {
  if (format === 'wav') yield wavHeader({ sampleRate: rate, format: 'int16' });
  const resampler = format === 'pcm' && rate !== PCM_RATE ? new Resampler(rate, PCM_RATE) : undefined;
  for (let notice: SpeechNotice | void = first; notice !== undefined;) {
    if (notice.type === 'audio') {
      const { firstSample, samples } = notice;
      yield wavData(resampler?.push(samples) ?? samples, 'int16');
      speech.acknowledge(firstSample + samples.length);
    }
    notice = (await speech.notices.next()).value;
  }
  if (resampler !== undefined) yield new Uint8Array(toPcm16(resampler.flush()).buffer);
}
