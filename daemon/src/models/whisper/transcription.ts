/** What one transcription holds from its first window to its last, whichever way its windows are read. */
import { FRAMES_PER_SECOND, type MelTransform } from '#daemon/audio/mel/mel.js';
import type { VoiceActivity, VoiceEvidence } from '#daemon/audio/vad/index.js';
import type { Segment, TranscribeResult } from '#daemon/protocol/transcription.js';
import type * as nn from '#native/nn/index.js';

import type { AudioWindows, Padding, Window } from './encode/audio-windows.js';
import { Stopwatch } from './stopwatch.js';
import { type DecodeContext, type DecodeResult, makeCaches } from './decode/decode.js';
import { encode, type EncodedWindow } from './encode/encode.js';
import { Hotwords } from './hotwords/hotwords.js';
import { type DetectedLanguage, detectLanguage } from './language/detect-language.js';
import { LogitFilters } from './decode/logit-filters.js';
import { LoopGuard } from './decode/loops.js';
import type { Whisper } from './model.js';
import { Prompt } from './decode/prompt.js';
import { type Cut, cutSegments } from './decode/segments.js';
import type { Settings } from './settings.js';
import { isSilent } from './decode/quality.js';
import { addWordsToCut } from './words/timed-cut.js';
import type { WhisperTokenizer } from './tokenizer.js';

/** Above this temperature a text is too loose to lead the next window. */
const PROMPT_RESET_TEMPERATURE = 0.5;

export interface WhisperDeps {
  readonly model: Whisper;
  readonly tokenizer: WhisperTokenizer;
  readonly mel: MelTransform;
  readonly voice: VoiceActivity;
}

/** How windows are decoded: the same for all of one language. */
export interface DecodeMode {
  readonly language: string;
  readonly timestamps: boolean;
}

/** A window that has been decoded. */
interface DecodedWindow {
  readonly window: Window;
  readonly encoded: EncodedWindow;
  readonly result: DecodeResult;
}

/** What windows are cut from. */
export interface AudioSource {
  readonly secondsRead: number;
  readonly ended: boolean;
  dispose(): Promise<void>;
}

export class Transcription<Source extends AudioSource = AudioWindows> {
  readonly stopwatch = new Stopwatch();
  readonly prompt: Prompt;
  /** One for each decoder block. */
  readonly caches: readonly nn.SelfAttentionCache[];
  /** The first that was detected or asked for. */
  language: string | undefined;
  /** Undefined where there are none. */
  readonly #hotwords: Hotwords | undefined;
  readonly #segments: Segment[] = [];
  readonly #filters = new Map<boolean, LogitFilters>();
  /** When the last word before the next window ended. */
  #lastSpeechSeconds = 0;

  constructor(
    readonly parts: WhisperDeps,
    readonly settings: Settings,
    readonly windows: Source,
  ) {
    const { model, tokenizer } = parts;
    const { initialPrompt, carryInitialPrompt, conditioned } = settings;
    this.language = settings.language;
    this.caches = makeCaches(model);
    const hotwords = new Hotwords(settings.hotwords, tokenizer);
    this.#hotwords = hotwords.isEmpty ? undefined : hotwords;
    this.prompt = new Prompt(tokenizer, {
      initial: initialPrompt,
      carried: carryInitialPrompt,
      conditioned,
      room: Math.floor(model.config.nTextCtx / 2) - 1,
    });
  }

  /** A window through the encoder, in `length` frames. The caller frees it. */
  async encode(
    this: Transcription,
    window: Window,
    length: number,
    padding: Padding,
    signal: AbortSignal,
  ): Promise<EncodedWindow> {
    const { model } = this.parts;
    const mel = await this.stopwatch.time('mel', () =>
      this.windows.mel(window, length, padding, model.dtype),
    );
    return this.stopwatch.time('encode', () => encode(model, mel, signal));
  }

  detect(encoded: EncodedWindow): Promise<DetectedLanguage> {
    const { model, tokenizer } = this.parts;
    return this.stopwatch.time('decode', () => detectLanguage(model, tokenizer, encoded, this.caches));
  }

  /** What a window is decoded with. The first of all begins with the prefix. */
  context(
    { language, timestamps }: DecodeMode,
    window: Window,
    evidence: VoiceEvidence | undefined,
  ): DecodeContext {
    const { model, tokenizer } = this.parts;
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

  /** The segments of a window, and how far it is done. They count as said from now on. */
  async addWindow(
    this: Transcription,
    { window, encoded, result }: DecodedWindow,
    mode: DecodeMode,
    signal: AbortSignal,
  ): Promise<Cut> {
    const { settings, parts, windows } = this;
    const { tokenizer } = parts;
    const silent = isSilent(result, settings.thresholds, windows.voice(window));
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
      const plain = cut;
      const timed = await this.stopwatch.time('decode', () =>
        addWordsToCut(plain, parts, encoded, context, signal),
      );
      cut = timed;
      this.#lastSpeechSeconds = timed.lastSpeechSeconds;
    }
    if (settings.multilingual) {
      const { language } = mode;
      cut = { ...cut, segments: cut.segments.map((segment) => ({ ...segment, language })) };
    }
    this.addSegments(cut.segments);
    this.prompt.heard(cut.segments.flatMap(({ tokens }) => tokens));
    if (!silent) this.prompt.endWindow(result.temperature <= PROMPT_RESET_TEMPERATURE);
    return cut;
  }

  /** Segments that are done. */
  addSegments(segments: readonly Segment[]): void {
    this.#segments.push(...segments);
  }

  result(): TranscribeResult {
    return {
      text: this.parts.tokenizer.decode(this.#segments.flatMap(({ tokens }) => tokens)),
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
      const { tokenizer, model } = this.parts;
      const suppress = this.settings.suppressTokens;
      filters = new LogitFilters(tokenizer, model.config, { timestamps, suppress });
      this.#filters.set(timestamps, filters);
    }
    return filters;
  }

  /** Where timestamps are sampled, a text cannot begin without one. Half of what fits in a window is left to decode. */
  #prefix(timestamps: boolean): number[] | undefined {
    const { tokenizer, model } = this.parts;
    const { prefix } = this.settings;
    if (prefix === undefined || prefix.trim() === '') return undefined;
    const text = tokenizer.encode(` ${prefix.trim()}`).slice(-Math.floor(model.config.nTextCtx / 4));
    return timestamps ? [tokenizer.special.timestampBegin, ...text] : text;
  }
}
