/** A file engine without a process or a model: a file is JSON that scripts its transcript. */
import { readFileSync } from 'node:fs';
import { defined } from '#daemon/protocol/defined.js';
import { SottoError, type ErrorCode } from '#daemon/protocol/errors.js';
import type { Segment, TranscribeOptions } from '#daemon/protocol/transcription.js';
import type { Engine, EngineJob, JobReport, RunningJob } from '#daemon/supervisor/engine.js';
import { optionsOf } from '#test/harness/transcribe-work.js';

export interface ScriptedFile {
  /** The texts of segments of one second. */
  readonly texts?: readonly string[];
  readonly language?: string;
  readonly durationSeconds?: number;
  /** Fails before this segment. */
  readonly failAt?: number;
  readonly failCode?: ErrorCode;
  readonly failParam?: string;
  /** Holds before this segment until `resume`. */
  readonly holdAt?: number;
}

export class ScriptedFiles implements Engine {
  readonly ran: EngineJob[] = [];
  /** The first text of each completed file. */
  readonly transcribed: (string | undefined)[] = [];
  cancels = 0;
  #resume: (() => void)[] = [];

  run(job: EngineJob, report: (report: JobReport) => void): RunningJob {
    this.ran.push(job);
    let cancelled = false;
    void this.#transcribe(job, report, () => cancelled);
    return {
      cancel: () => {
        cancelled = true;
        this.cancels += 1;
        this.resume();
      },
    };
  }

  openStream(): never {
    throw new Error('no dictation here');
  }

  status() {
    return { state: 'ready' as const, restarts: 0, model: { state: 'absent' as const } };
  }

  /** Resumes held jobs. */
  resume(): void {
    for (const resolve of this.#resume.splice(0)) resolve();
  }

  async #transcribe(
    job: EngineJob,
    report: (report: JobReport) => void,
    isCancelled: () => boolean,
  ): Promise<void> {
    await Promise.resolve();
    const { path } = job;
    const options = optionsOf(job);
    let file: ScriptedFile;
    try {
      file = JSON.parse(readFileSync(path, 'utf8')) as ScriptedFile;
    } catch {
      report({ type: 'failed', error: new SottoError('AUDIO_UNSUPPORTED', 'this is not audio') });
      return;
    }
    const { texts = [], language = 'en', failAt, failCode = 'AUDIO_TRUNCATED', failParam, holdAt } = file;
    report({ type: 'opened', durationSeconds: texts.length });
    report({
      type: 'event',
      event: { type: 'language', language: options.language ?? language, probability: 1 },
    });
    for (let index = 0; index <= texts.length; index++) {
      if (index === holdAt) await new Promise<void>((resolve) => this.#resume.push(resolve));
      if (isCancelled()) return report({ type: 'cancelled' });
      if (index === failAt) {
        const error = new SottoError(failCode, 'as the script says', defined({ param: failParam }));
        return report({ type: 'failed', error });
      }
      const text = texts[index];
      if (text !== undefined) {
        report({ type: 'event', event: { type: 'text', text: `${text}?` } });
        report({ type: 'event', event: { type: 'segment', segment: transcribed(index, text, options) } });
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.transcribed.push(texts[0]);
    const timings = { load: 0, mel: 0.001, encode: 0.002, decode: 0.003, total: 0.006 };
    const durationSeconds = file.durationSeconds ?? texts.length;
    report({
      type: 'done',
      summary: { language: options.language ?? language, durationSeconds, timings },
    });
  }
}

function transcribed(index: number, text: string, options: TranscribeOptions): Segment {
  const words = text.match(/\s*\S+/gu) ?? [];
  const tokens = [50_364, ...words.map((_, at) => 100 + at)];
  return {
    start: index,
    end: index + 1,
    text,
    tokens,
    confidence: Math.exp(-0.1),
    details: { whisper: { avgLogprob: -0.1, noSpeechProb: 0.01, compressionRatio: 1.2, temperature: 0 } },
    ...(options.tokenLogprobs === true && {
      tokenLogprobs: tokens.map((_, at) => -at / 10),
      tokenBytes: ['', ...words.map((word) => Buffer.from(word).toString('base64'))],
    }),
    ...(options.wordTimestamps === true && {
      words: words.map((word, at) => ({
        word,
        start: index + at / words.length,
        end: index + (at + 1) / words.length,
        probability: 0.9,
      })),
    }),
  };
}
