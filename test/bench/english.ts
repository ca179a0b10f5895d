/**
 * Detection of English at the start of a dictation: the starter model's language and its probability after 1, 2 and 3 s of
 * speech, as a live session decodes it, on the open clips in all languages. A long clip is cut at many places.
 *
 *     npm run bench -- english [--step 3] [--max 12] [--save-baseline]
 */
import { parseArgs } from 'node:util';
import { LiveMel } from '#daemon/audio/mel/live-mel.js';
import { SAMPLE_RATE } from '#daemon/audio/mel/mel.js';
import { VoiceTracker } from '#daemon/models/streaming/voice-tracker.js';
import { detectLanguage } from '#daemon/models/whisper/language/detect-language.js';
import { disposeWindow } from '#daemon/models/whisper/encode/encode.js';
import { makeCaches } from '#daemon/models/whisper/decode/decode.js';
import { WhisperModel } from '#daemon/models/whisper/index.js';
import { StreamingDecoder } from '#daemon/models/whisper/streaming/streaming-decoder.js';
import { streamingConfigFor } from '#daemon/models/whisper/streaming/streaming-config.js';
import { readClips } from './clips.js';
import { samplesOf, starterModel } from './in-process.js';
import { printTable, saveResult } from './report.js';

const SPEECH_SECONDS = [1, 2, 3] as const;
const INTERVAL_SAMPLES = SAMPLE_RATE / 2;
/** As in live sessions. */
const LEAD_IN_FRAMES = 50;
/** A beginning without so much speech within this time is left out. */
const MAX_SECONDS = 10;
const THRESHOLDS = [0.5, 0.6, 0.7, 0.8, 0.9, 0.95] as const;

interface Detected {
  readonly english: number;
  readonly language: string;
}
interface Beginning {
  readonly clip: string;
  readonly from: number;
  readonly language: string;
  /** By seconds of speech. */
  readonly detected: Readonly<Record<number, Detected>>;
}

export async function english(argv: string[]): Promise<void> {
  const { values: args } = parseArgs({
    args: argv,
    options: {
      step: { type: 'string', default: '3' },
      max: { type: 'string', default: '12' },
      'save-baseline': { type: 'boolean', default: false },
    },
  });
  const model = await WhisperModel.load(starterModel());
  const beginnings: Beginning[] = [];
  for (const { id, file, language } of readClips()) {
    if (language === null) continue;
    const samples = await samplesOf(file);
    const seconds = samples.length / SAMPLE_RATE;
    const step = Math.max(Number(args.step), seconds / Number(args.max));
    for (let from = 0; from < Math.max(1, seconds - 1); from += step) {
      const detected = await detectedIn(model, samples.subarray(Math.round(from * SAMPLE_RATE)));
      beginnings.push({ clip: id, from, language, detected });
    }
  }
  model.dispose();
  const rows = SPEECH_SECONDS.flatMap((seconds) => rowsFor(beginnings, seconds));
  const [first] = rows;
  printTable(
    Object.keys(first ?? {}),
    rows.map((row) => Object.values(row).map(String)),
  );
  saveResult('english', { rows, beginnings }, args['save-baseline']);
}

/** What the model detects in the first decode step with so much speech. */
async function detectedIn(model: WhisperModel, samples: Float32Array): Promise<Record<number, Detected>> {
  const { deps } = model;
  const mel = new LiveMel(deps.mel);
  const voice = new VoiceTracker(deps.voice);
  const decoder = new StreamingDecoder(deps, streamingConfigFor(deps.model.config).window);
  const caches = makeCaches(deps.model);
  const { signal } = new AbortController();
  const found: Record<number, Detected> = {};
  let start = 0;
  for (let at = 0; at < Math.min(samples.length, MAX_SECONDS * SAMPLE_RATE); at += INTERVAL_SAMPLES) {
    const piece = samples.subarray(at, at + INTERVAL_SAMPLES);
    mel.push(piece);
    voice.push(piece);
    voice.update();
    const { seconds } = voice.evidence;
    const due = SPEECH_SECONDS.find((wanted) => seconds >= wanted && found[wanted] === undefined);
    if (seconds < 0.2) start = Math.max(0, mel.contentFrames - LEAD_IN_FRAMES);
    if (due === undefined) continue;
    const window = await decoder.encode(mel, start, mel.contentFrames - start, signal);
    try {
      const { language, probabilities } = await detectLanguage(deps.model, deps.tokenizer, window, caches);
      const detected = { language, english: probabilities.get('en') ?? 0 };
      for (const wanted of SPEECH_SECONDS) if (seconds >= wanted) found[wanted] ??= detected;
    } finally {
      disposeWindow(window);
    }
  }
  decoder.dispose();
  for (const cache of caches) cache.dispose();
  return found;
}

function rowsFor(beginnings: readonly Beginning[], seconds: number) {
  return (['en', 'other'] as const).map((wanted) => {
    const found = beginnings
      .filter(({ language }) => (language === 'en') === (wanted === 'en'))
      .flatMap(({ detected }) => detected[seconds] ?? []);
    const shares = THRESHOLDS.map((threshold) => {
      const count = found.filter(({ english: p }) => p >= threshold).length;
      return [`p ≥ ${threshold}`, `${count} (${((100 * count) / found.length).toFixed(1)} %)`] as const;
    });
    const isEnglish = found.filter(({ language }) => language === 'en').length;
    return {
      speech: `${seconds} s`,
      language: wanted,
      beginnings: found.length,
      'English first': isEnglish,
      ...Object.fromEntries(shares),
    };
  });
}
