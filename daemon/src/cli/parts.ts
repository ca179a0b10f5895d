/** The parts of Sotto put together: what a daemon and a command without one have in common. */
import { fileURLToPath } from 'node:url';
import { systemClock } from '../clock.js';
import type { Logger } from '../logger.js';
import type { Paths } from '../paths.js';
import { SottoError } from '../protocol/errors.js';
import type { ModelRef } from '../protocol/ipc.js';
import { Sessions } from '../sessions/sessions.js';
import { readSettings } from '../settings.js';
import { findModel } from '../store/find-model.js';
import type { EngineCommand } from '../supervisor/engine-process.js';
import { Supervisor } from '../supervisor/supervisor.js';
import { shelvesOf } from './shelves.js';

export interface Parts {
  readonly supervisor: Supervisor;
  readonly sessions: Sessions;
  /** Finds a model by name or folder, the chosen one without an argument. @throws SottoError MODEL_NOT_FOUND */
  readonly resolveModel: (model: string | undefined) => ModelRef;
  /** Why there is no model to keep warm, where that is so. */
  readonly modelProblem?: SottoError;
}

export interface PartsOptions {
  readonly paths: Paths;
  readonly log: Logger;
  /** Model used when a job names none: name or absolute folder; the one of the settings when left out. */
  readonly model?: string;
  /** Load the model before anybody asks. */
  readonly warm: boolean;
  readonly onIdleChange?: (idle: boolean) => void;
}

/** The engine's module. Tests put their own in its place. */
export function engineCommand(): EngineCommand {
  const own = process.env.SOTTO_ENGINE;
  return { modulePath: own ?? fileURLToPath(new URL('../engine/main.js', import.meta.url)) };
}

export function buildParts({ paths, log, model, warm, onIdleChange }: PartsOptions): Parts {
  const chosen = model ?? readSettings(paths.settings).model;
  const resolveModel = (wanted: string | undefined): ModelRef =>
    findModel(shelvesOf(paths), wanted ?? chosen);
  let warmModel: ModelRef | undefined;
  let modelProblem: SottoError | undefined;
  try {
    if (warm) warmModel = resolveModel(undefined);
  } catch (error) {
    // A daemon without its model still serves jobs that name another, and says what is wrong.
    modelProblem = SottoError.from(error);
  }
  const supervisor = new Supervisor({
    command: engineCommand(),
    clock: systemClock,
    log,
    ...(warmModel === undefined ? {} : { warmModel }),
  });
  const sessions = new Sessions({
    engine: supervisor,
    clock: systemClock,
    log,
    resolveModel,
    ...(onIdleChange === undefined ? {} : { onIdleChange }),
  });
  return { supervisor, sessions, resolveModel, ...(modelProblem === undefined ? {} : { modelProblem }) };
}
