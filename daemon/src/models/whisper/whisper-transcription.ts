/** The state of one transcription, shared by sequential and batched decoding. */
import type { FrontEnd } from '#daemon/audio/mel/front-end.js';
import { FRAMES_PER_SECOND } from '#daemon/audio/mel/mel.js';
import type { VoiceActivity, VoiceEvidence } from '#daemon/audio/vad/index.js';
import type * as nn from '#native/nn/index.js';

import type { AudioWindows, Padding, Window } from './encode/audio-windows.js';
import { Stopwatch } from '../stopwatch.js';
import { type DecodeContext, type DecodeResult, makeCaches } from './decode/decode.js';
import { encode, type EncodedWindow } from './encode/encode.js';
import { Hotwords } from '../hotwords/hotword-trie.js';
import { type DetectedLanguage, detectLanguage } from './language/detect-language.js';
import { LogitFilters } from './decode/logit-filters.js';
import { LoopGuard } from './decode/loops.js';
import type { Whisper } from './model.js';
import { Prompt } from './decode/prompt.js';
import { type Cut, cutSegments } from './decode/segments.js';
import type { WhisperSettings } from './whisper-settings.js';
import { isSilent } from './decode/quality.js';
import { isTooLongFor } from '../text/spoken-words.js';
import { addWordsToCut } from './words/timed-cut.js';
import type { WhisperTokenizer } from './tokenizer.js';
import type { WhisperResult, WhisperSegment } from './whisper-options.js';

/** Above this temperature a text does not condition the next window. */
const PROMPT_RESET_TEMPERATURE = 0.5;

export interface WhisperDeps {
  readonly model: Whisper;
  readonly tokenizer: WhisperTokenizer;
  readonly mel: FrontEnd;
  readonly voice: VoiceActivity;
}

/** Constant while the language does not change. */
export interface DecodeMode {
  readonly language: string;
  readonly timestamps: boolean;
}

interface DecodedWindow {
  readonly window: Window;
  readonly encoded: EncodedWindow;
  readonly result: DecodeResult;
}

interface WindowSource {
  readonly secondsRead: number;
  readonly ended: boolean;
  dispose(): Promise<void>;
}

export class Transcription<Source extends WindowSource = AudioWindows> {
  readonly stopwatch = new Stopwatch();
  readonly prompt: Prompt;
  /** One per decoder block. */
  readonly caches: readonly nn.SelfAttentionCache[];
  /** The requested or first detected language. */
  language: string | undefined;
  /** Undefined if empty. */
  readonly #hotwords: Hotwords | undefined;
  readonly #segments: WhisperSegment[] = [];
  readonly #filters = new Map<boolean, LogitFilters>();
  /** End of the last word before the next window. */
  #lastSpeechSeconds = 0;

  constructor(
    readonly deps: WhisperDeps,
    readonly settings: WhisperSettings,
    readonly windows: Source,
  ) {
    const { model, tokenizer } = deps;
    const { initialPrompt, carryInitialPrompt, isConditioned } = settings;
    this.language = settings.language;
    this.caches = makeCaches(model);
    const hotwords = new Hotwords(settings.hotwords, tokenizer);
    this.#hotwords = hotwords.isEmpty ? undefined : hotwords;
    this.prompt = new Prompt(tokenizer, {
      initial: initialPrompt,
      isCarried: carryInitialPrompt,
      isConditioned,
      maxTokens: Math.floor(model.config.nTextCtx / 2) - 1,
    });
  }

  /** Encodes a window in `length` mel frames. The caller frees it. */
  async encode(
    this: Transcription,
    window: Window,
    length: number,
    padding: Padding,
    signal: AbortSignal,
  ): Promise<EncodedWindow> {
    const { model } = this.deps;
    const mel = await this.stopwatch.time('mel', () =>
      this.windows.mel(window, length, padding, model.dtype),
    );
    return this.stopwatch.time('encode', () => encode(model, mel, signal));
  }

  detect(encoded: EncodedWindow): Promise<DetectedLanguage> {
    const { model, tokenizer } = this.deps;
    return this.stopwatch.time('decode', () => detectLanguage(model, tokenizer, encoded, this.caches));
  }

  /** The decode context of a window. The first one has the prefix. */
  context(
    { language, timestamps }: DecodeMode,
    window: Window,
    evidence: VoiceEvidence | undefined,
  ): DecodeContext {
    const { model, tokenizer } = this.deps;
    const { task, maxTokens, search, seed, thresholds } = this.settings;
    const { compressionRatio } = thresholds;
    return {
      model,
      tokenizer,
      caches: this.caches,
      filters: this.#filtersFor(timestamps),
      startSequence: tokenizer.startSequence(language, task, timestamps),
      maxTokens,
      search,
      evidence,
      loops: new LoopGuard(tokenizer, { compressionRatio, audioFrames: window.frames }),
      seed: seed + window.start,
      hotwords: this.#hotwords,
      prefix: this.#segments.length === 0 ? this.#prefix(timestamps) : undefined,
    };
  }

  /** Cuts a decoded window into segments and appends them to the transcript and the prompt. */
  async addWindow(
    this: Transcription,
    { window, encoded, result }: DecodedWindow,
    mode: DecodeMode,
    signal: AbortSignal,
  ): Promise<Cut> {
    const { settings, deps, windows } = this;
    const { tokenizer } = deps;
    const voice = windows.voice(window);
    // Without VAD the text is that of the reference.
    const isInvented =
      voice !== undefined && isTooLongFor(result.text, window.frames / FRAMES_PER_SECOND, mode.language);
    const silent = isInvented || isSilent(result, settings.thresholds, voice);
    let cut: Cut = silent
      ? { segments: [], frames: window.frames }
      : cutSegments(result, tokenizer, window.start / FRAMES_PER_SECOND, window.frames, settings);
    if (settings.wordTimestamps) {
      const context = {
        window,
        startSequence: tokenizer.startSequence(mode.language, settings.task, mode.timestamps),
        language: mode.language,
        lastSpeechSeconds: this.#lastSpeechSeconds,
        speech: windows.spokenSeconds(window),
        fileEnd: windows.ended ? windows.secondsRead : undefined,
        maxSilenceSeconds: settings.maxSilenceSeconds,
      };
      const untimed = cut;
      const timed = await this.stopwatch.time('decode', () =>
        addWordsToCut(untimed, deps, encoded, context, signal),
      );
      cut = timed;
      this.#lastSpeechSeconds = timed.lastSpeechSeconds;
    }
    if (settings.multilingual) {
      const { language } = mode;
      cut = { ...cut, segments: cut.segments.map((segment) => ({ ...segment, language })) };
    }
    this.addSegments(cut.segments);
    this.prompt.append(cut.segments.flatMap(({ tokens }) => tokens));
    if (!silent) this.prompt.endWindow(result.temperature <= PROMPT_RESET_TEMPERATURE);
    return cut;
  }

  addSegments(segments: readonly WhisperSegment[]): void {
    this.#segments.push(...segments);
  }

  result(): WhisperResult {
    return {
      text: this.deps.tokenizer.decode(this.#segments.flatMap(({ tokens }) => tokens)),
      language: this.language ?? 'en',
      durationSeconds: this.windows.secondsRead,
      segments: this.#segments,
      timings: this.stopwatch.timings(),
    };
  }

  async dispose(): Promise<void> {
    await this.windows.dispose();
    for (const filters of this.#filters.values()) filters.dispose();
    for (const cache of this.caches) cache.dispose();
  }

  #filtersFor(timestamps: boolean): LogitFilters {
    let filters = this.#filters.get(timestamps);
    if (filters === undefined) {
      const { tokenizer, model } = this.deps;
      const suppress = this.settings.suppressTokens;
      filters = new LogitFilters(tokenizer, model.config, { timestamps, suppress });
      this.#filters.set(timestamps, filters);
    }
    return filters;
  }

  /** With timestamps a text starts with one. Half of the window's tokens remain for decoding. */
  #prefix(timestamps: boolean): number[] | undefined {
    const { tokenizer, model } = this.deps;
    const { prefix } = this.settings;
    if (prefix === undefined || prefix.trim() === '') return undefined;
    const text = tokenizer.encode(` ${prefix.trim()}`).slice(-Math.floor(model.config.nTextCtx / 4));
    return timestamps ? [tokenizer.special.timestampBegin, ...text] : text;
  }
}
