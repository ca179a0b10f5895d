/**
 * Words printed without speech, words invented and lost at long pauses, and words of real speech that the guards
 * against them drop:
 *
 *     npm run bench -- silence [--model DIR]… [--part sounds|pauses|speech]… [--everything] [--degradations NAME]… [--save-baseline]
 *
 * Runs all parts with the default VAD; --everything also without VAD, for comparison. The sounds are synthetic
 * (test/audio/vad/non-speech.ts), plus the music of the shared speech if available; speech is degraded by
 * test/audio/vad/degradations.ts.
 */
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { SpeechTrack, VoiceActivity } from '#daemon/audio/vad/index.js';
import {
  isSilentByReference,
  isSilent,
  REFERENCE_THRESHOLDS,
} from '#daemon/models/whisper/decode/quality.js';
import type { Recognizer } from '#daemon/models/speech-model.js';
import type { Segment, TranscribeOptions } from '#daemon/protocol/transcription.js';
import { NON_SPEECH } from '#test/audio/vad/non-speech.js';
import { DEGRADATIONS } from '#test/audio/vad/degradations.js';
import { readClips, root } from './clips.js';
import { load, samplesOf, starterModel, streamOf, transcribe } from './in-process.js';
import { commit, machine, markdownTable, saveResult } from './report.js';

const RATE = 16_000;
const SOUND_SECONDS = [5, 30, 60];
const PAUSE_SECONDS = [30, 35, 40];
/** Sounds that fill the pauses, with their gain; music is quiet. */
const PAUSES: readonly (readonly [name: string, gain: number])[] = [
  ['digital silence', 1],
  ['room, -70 dB', 1],
  ['room, -55 dB', 1],
  ['hum of 50 Hz, -45 dB', 1],
  ['white noise, -60 dB', 1],
  ['piano', 0.1],
  ['strings', 0.3],
  ['band', 0.05],
  ['breathing', 1],
  ['keyboard', 0.5],
];
const PHRASE = 'and so my fellow americans';
const PHRASE_SECONDS = 2.6;

type Row = readonly string[];
interface Part {
  readonly title: string;
  readonly header: Row;
  readonly rows: Row[];
}

export async function silence(argv: string[]): Promise<void> {
  const { values: args } = parseArgs({
    args: argv,
    options: {
      model: { type: 'string', multiple: true, default: [starterModel()] },
      part: { type: 'string', multiple: true, default: ['sounds', 'pauses', 'speech'] },
      degradations: { type: 'string', multiple: true, default: [...DEGRADATIONS.keys()] },
      everything: { type: 'boolean', default: false },
      'save-baseline': { type: 'boolean', default: false },
    },
  });
  const parts: Part[] = [];
  const begin = (name: string, title: string, header: Row): Part | undefined => {
    const part = { title, header, rows: [] };
    if (args.part.includes(name)) parts.push(part);
    return args.part.includes(name) ? part : undefined;
  };
  const sounds = begin('sounds', 'Words without speech', [
    'model',
    'mode',
    'sounds',
    'minutes',
    'words',
    'printed',
  ]);
  const pauses = begin('pauses', 'Speech, a long pause, the same speech', [
    'model',
    'mode',
    'pauses',
    'invented words',
    'lost words',
    'second start off by, s',
    'where',
  ]);
  const speech = begin('speech', 'Words of speech dropped as silence', [
    'model',
    'windows',
    'words',
    'dropped by the reference’s rule',
    'dropped only by the second rule',
    'uncertain windows',
    'their highest no-speech probability',
  ]);
  for (const dir of args.model) {
    const model = await load(dir);
    const name = basename(dir);
    const conditions: [string, TranscribeOptions][] = [['with VAD', {}]];
    if (args.everything) conditions.push(['without VAD', { vad: false }]);
    for (const [mode, options] of conditions) {
      sounds?.rows.push([name, mode, ...(await countSounds(model, options))]);
      pauses?.rows.push([name, mode, ...(await countPauses(model, options))]);
    }
    // The guards of other families have no threshold that can be raised.
    if (speech !== undefined && model.family !== 'whisper')
      console.error(`${name}: the part speech measures Whisper’s no-speech threshold`);
    else if (speech !== undefined) speech.rows.push([name, ...(await countSpeech(model, args.degradations))]);
    model.dispose();
  }
  const text = parts
    .map(({ title, header, rows }) => `## ${title}\n\n${markdownTable(header, rows)}\n`)
    .join('\n');
  console.log(text);
  const { cpu, cores, date } = machine();
  const md = `# Silence\n\ncommit ${commit()} · ${date} · ${cpu}, ${cores} cores\n\n${text}`;
  saveResult('silence', { parts }, args['save-baseline'], { md });
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}']+/gu) ?? [];
}

async function countSounds(model: Recognizer, options: TranscribeOptions): Promise<Row> {
  const made = new Map<string, Float32Array>();
  for (const [name, sound] of NON_SPEECH) {
    for (const seconds of SOUND_SECONDS) made.set(`${name}, ${seconds} s`, sound(seconds));
  }
  const music = readClips().find(({ id }) => id === 'music-bbb-5s');
  if (music !== undefined) {
    const samples = await samplesOf(music.file);
    for (const gain of [0.3, 1, 3]) {
      for (const times of [1, 6]) {
        const length = samples.length;
        made.set(
          `${music.id} × ${times}, gain ${gain}`,
          Float32Array.from({ length: times * length }, (_, i) => gain * (samples[i % length] ?? 0)),
        );
      }
    }
  }
  let words = 0;
  let seconds = 0;
  const printed: string[] = [];
  for (const [name, samples] of made) {
    seconds += samples.length / RATE;
    for (const timestamps of [true, 'auto'] as const) {
      const { result } = await transcribe(model, streamOf(samples), { ...options, timestamps });
      const found = wordsOf(result.text).length;
      words += found;
      if (found > 0 && printed.length < 6) printed.push(`${name}: ${result.text.trim().slice(0, 30)}`);
    }
  }
  process.stderr.write(`sounds done with ${model.name}\n`);
  return [String(made.size), (seconds / 60).toFixed(0), String(words), printed.join('; ')];
}

async function countPauses(model: Recognizer, options: TranscribeOptions): Promise<Row> {
  const phrase = (await samplesOf(`${root}/assets/speech/jfk.flac`)).slice(0, PHRASE_SECONDS * RATE);
  const spoken = wordsOf(PHRASE).length;
  let [invented, lost, worst, count] = [0, 0, 0, 0];
  const where: string[] = [];
  for (const [name, gain] of PAUSES) {
    for (const seconds of PAUSE_SECONDS) {
      count++;
      const fill = NON_SPEECH.get(name)?.(seconds).map((x) => x * gain) ?? new Float32Array(0);
      const samples = new Float32Array(2 * phrase.length + fill.length);
      samples.set(phrase);
      samples.set(fill, phrase.length);
      samples.set(phrase, phrase.length + fill.length);
      const repeatAt = PHRASE_SECONDS + seconds;
      const { result } = await transcribe(model, streamOf(samples), { language: 'en', ...options });
      const between = (from: number, to: number): number =>
        wordsOf(
          result.segments.flatMap(({ start, text }) => (start >= from && start < to ? text : [])).join(' '),
        ).length;
      const pause = between(PHRASE_SECONDS, repeatAt - 0.6);
      const missing =
        Math.max(0, spoken - between(0, PHRASE_SECONDS)) +
        Math.max(0, spoken - between(repeatAt - 0.6, Infinity));
      invented += pause;
      lost += missing;
      if (pause + missing > 0 && where.length < 6) where.push(`${name}, ${seconds} s`);
      const second = result.segments.find(({ start }) => start >= repeatAt - 0.6);
      if (second !== undefined) worst = Math.max(worst, Math.abs(second.start - repeatAt));
    }
  }
  process.stderr.write(`pauses done with ${model.name}\n`);
  return [String(count), String(invented), String(lost), worst.toFixed(2), where.join('; ')];
}

/** Decodes all windows and applies both rules here. */
async function countSpeech(model: Recognizer, degradations: readonly string[]): Promise<Row> {
  const voice = await VoiceActivity.load();
  const clips = readClips().filter(({ text, seconds }) => text !== '' && seconds < 11);
  let [windows, words, byReference, bySecond, unsure, highest] = [0, 0, 0, 0, 0, 0];
  for (const [how, degrade] of DEGRADATIONS) {
    if (!degradations.includes(how)) continue;
    for (const clip of clips) {
      if (clip.language !== 'en' && model.name.endsWith('.en')) continue;
      const samples = degrade(await samplesOf(clip.file));
      const track = new SpeechTrack(voice.stream());
      track.push(samples);
      track.end();
      const options = { temperature: [0], noSpeechThreshold: 1, language: clip.language ?? 'en' };
      const { result } = await transcribe(model, streamOf(samples), options);
      for (const window of byWindow(result.segments)) {
        const [first, last] = [window[0], window.at(-1)];
        const scores = first?.details?.whisper;
        if (first === undefined || last === undefined || scores === undefined) continue;
        const wordCount = wordsOf(window.map(({ text }) => text).join(' ')).length;
        const evidence = track.evidence(first.start * RATE, last.end * RATE);
        windows++;
        words += wordCount;
        if (isSilentByReference(scores, REFERENCE_THRESHOLDS)) byReference += wordCount;
        else if (isSilent(scores, REFERENCE_THRESHOLDS, evidence)) bySecond += wordCount;
        if (evidence.maxProbability < 0.99 && evidence.seconds <= 2.5) {
          unsure++;
          highest = Math.max(highest, scores.noSpeechProb);
        }
      }
    }
  }
  voice.dispose();
  return [
    String(windows),
    String(words),
    String(byReference),
    String(bySecond),
    String(unsure),
    highest.toFixed(2),
  ];
}

/** Groups segments by window: segments of a window share its scores. */
function byWindow(segments: readonly Segment[]): Segment[][] {
  const windows: Segment[][] = [];
  for (const segment of segments) {
    const last = windows.at(-1);
    if (last !== undefined && last[0]?.confidence === segment.confidence) last.push(segment);
    else windows.push([segment]);
  }
  return windows;
}
