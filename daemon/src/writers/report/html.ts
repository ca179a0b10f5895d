/**
 * HTML report: a self-contained page. Its script and style are allowed by their hashes, nothing may be fetched, and all
 * text is escaped. Without JavaScript it still shows the transcript and the browser's own player.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { packageRoot } from '../../paths.js';
import type { Segment } from '../../protocol/transcription.js';
import { milliseconds } from '../timestamp.js';
import { oneLine, type ReportAudio, type Transcript, type Writer } from '../writer.js';
import { toSpans, type TextSpan } from './spans.js';

export function htmlWriter(): Writer {
  return { begin: () => '', segment: () => '', end: page };
}

function page(transcript: Transcript): string {
  const style = readAsset('style.css');
  const script = readAsset('player.js');
  const { file, segments, summary, audio, textLanguage = summary.language } = transcript;
  const title = oneLine(basename(file)) || 'Transcript';
  const rows = segments.map((segment) => ({ segment, spans: toSpans(segment) })).filter(hasText);
  const lastMs = Math.max(0, ...rows.map(({ segment }) => milliseconds(segment.end)));
  const durationMs = Math.max(milliseconds(summary.durationSeconds), lastMs);
  const byWord = rows.some(({ segment }) => (segment.words ?? []).length > 0);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${escape(policy(script, style, audio))}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta name="generator" content="Sotto">
<title>${escape(title)} – transcript</title>
<style>${style}</style>
</head>
<body>
<header class="head">
<h1>${escape(title)}</h1>
<p class="facts">${summaryItems(transcript, rows, byWord).map(escape).join('<span class="dot" aria-hidden="true">·</span>')}</p>
</header>
${player(audio, title, durationMs)}
<main id="transcript" class="transcript" lang="${escape(languageTag(textLanguage))}" data-duration="${durationMs}">
${rows.length === 0 ? '<p class="empty" lang="en">No speech detected.</p>\n' : rows.map((line) => row(line, byWord)).join('')}</main>
<footer class="foot">
${legend(byWord)}
<p class="keys">${KEYS.filter(([, what]) => byWord || what !== WORD_KEY)
    .map(([keys, what]) => `<span>${keys.map((key) => `<kbd>${key}</kbd>`).join(' ')} ${what}</span>`)
    .join('\n')}</p>
</footer>
<script>${script}</script>
</body>
</html>
`;
}

const WORD_KEY = 'previous or next word';
const KEYS: readonly (readonly [readonly string[], string])[] = [
  [['space'], 'play or pause'],
  [['←', '→'], '5 seconds back or ahead'],
  [['shift', '←', '→'], WORD_KEY],
  [['↑', '↓'], 'previous or next line'],
];

interface SegmentRow {
  readonly segment: Segment;
  readonly spans: readonly TextSpan[];
}

function hasText({ spans }: SegmentRow): boolean {
  return spans.some((span) => span.text.trim() !== '');
}

/** Allows only the page itself, and for linked audio a file next to it or one that the user chooses. */
function policy(script: string, style: string, audio: ReportAudio | undefined): string {
  return [
    "default-src 'none'",
    `script-src '${sha256(script)}'`,
    `style-src '${sha256(style)}'`,
    `media-src ${audio?.kind === 'embedded' ? 'data: blob:' : "'self' file: blob:"}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
}

function sha256(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}

function summaryItems({ summary }: Transcript, rows: readonly SegmentRow[], byWord: boolean): string[] {
  const words = rows.reduce((sum, { segment }) => sum + (segment.words?.length ?? 0), 0);
  return [
    clock(milliseconds(summary.durationSeconds)),
    languageName(summary.language),
    ...(byWord ? [`${words.toLocaleString('en')} ${words === 1 ? 'word' : 'words'}`] : []),
    summary.model,
  ].filter((fact) => fact !== '');
}

function sourceUrl(audio: ReportAudio): string {
  return audio.kind === 'embedded' ? `data:${audio.mime};base64,${audio.base64}` : audio.href;
}

function player(audio: ReportAudio | undefined, title: string, durationMs: number): string {
  const source = audio === undefined ? '' : ` src="${escape(sourceUrl(audio))}"`;
  return `<section class="player" aria-label="Player">
<audio id="audio" controls preload="metadata"${source} aria-label="${escape(title)}"></audio>
<div id="deck" class="deck" hidden>
<button id="play" class="play" type="button" aria-label="Play"><svg viewBox="0 0 24 24" aria-hidden="true" focusable="false"><path class="is-play" d="M8 5.2v13.6a.8.8 0 0 0 1.2.7l11-6.8a.8.8 0 0 0 0-1.4l-11-6.8a.8.8 0 0 0-1.2.7z"/><path class="is-pause" d="M7 5h3.4v14H7zM13.6 5H17v14h-3.4z"/></svg></button>
<div id="wave" class="wave" role="slider" tabindex="0" aria-label="Position" aria-valuemin="0" aria-valuemax="${Math.round(durationMs / 1000)}" aria-valuenow="0" aria-valuetext="0:00"><canvas id="canvas" aria-hidden="true"></canvas></div>
<div class="side"><span class="time"><span id="now">0:00</span><span class="total"> / ${clock(durationMs)}</span></span>
<button id="speed" class="speed" type="button" aria-label="Speed: 1 times">1×</button></div>
</div>
<p id="notice" class="notice" role="status" hidden></p>
<label id="picker" class="picker" hidden>Choose audio file<input id="file" type="file" accept="audio/*,video/*"></label>
</section>`;
}

function row({ segment, spans }: SegmentRow, byWord: boolean): string {
  const start = milliseconds(segment.start);
  const end = Math.max(start, milliseconds(segment.end));
  const words = spans
    .map(({ hasSpaceBefore, hasLineBreakBefore, text, start, end, probability }) => {
      const percent = Math.round(probability * 100);
      return `${hasLineBreakBefore ? '<br>' : hasSpaceBefore ? ' ' : ''}<span class="w" data-s="${start}" data-e="${end}" data-p="${percent}"${shade(probability, byWord)}>${escape(text)}</span>`;
    })
    .join('');
  return `<div class="row" data-s="${start}" data-e="${end}"><button class="at" type="button" lang="en" aria-label="Play from ${clock(start)}">${clock(start)}</button><p dir="auto">${words}</p></div>\n`;
}

/**
 * Lower bounds of high, medium and low confidence. The confidence of a line is a mean over its window, which rarely
 * reaches 100 %: the reference treats a mean log probability of -1 as a failed decode, which is e^-1 = 37 %.
 */
const WORD_STEPS = [0.8, 0.6, 0.35] as const;
const LINE_STEPS = [0.65, 0.5, 0.37] as const;

function shade(probability: number, byWord: boolean): string {
  const level = (byWord ? WORD_STEPS : LINE_STEPS).findIndex((step) => probability >= step);
  return level === 0 ? '' : ` data-doubt="${level === -1 ? 3 : level}"`;
}

function legend(byWord: boolean): string {
  const [high, medium, low] = (byWord ? WORD_STEPS : LINE_STEPS).map((step) => Math.round(step * 100));
  return `<div class="legend"><label><input id="shading" type="checkbox" checked> Show the model’s confidence in each ${byWord ? 'word' : 'line'}</label>
<ul><li><span>high</span> ${high}% or more</li><li><span data-doubt="1">medium</span> from ${medium}%</li><li><span data-doubt="2">low</span> from ${low}%</li><li><span data-doubt="3">very low</span> below</li></ul></div>`;
}

/** `3:07`, or `1:02:03`. */
function clock(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const pad = (value: number): string => String(value).padStart(2, '0');
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return h > 0 ? `${h}:${pad(m)}:${pad(s)}` : `${m}:${pad(s)}`;
}

function languageTag(code: string): string {
  return /^[a-z]{2,3}$/i.test(code) ? code : 'und';
}

function languageName(code: string): string {
  if (languageTag(code) === 'und') return code;
  return new Intl.DisplayNames(['en'], { type: 'language' }).of(code) ?? code;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (mark) => ENTITIES[mark] ?? mark);
}

/** Reads the page's script or style from this module's source folder. */
function readAsset(name: 'player.js' | 'style.css'): string {
  const path = join(packageRoot, 'daemon', 'src', 'writers', 'report', name);
  return `\n${readFileSync(path, 'utf8')}`;
}
