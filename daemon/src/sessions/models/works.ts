/** The works on models that are under way, at most one on a model, and what clients only look at. */
import type { Clock } from '../../clock.js';
import type { Logger } from '../../logger.js';
import { SottoError } from '../../protocol/errors.js';
import { MODEL_LIMITS, type ModelsResult } from '../../protocol/models.js';
import { Work, type DeskListener, type Member, type WorkOptions } from './work.js';

export interface WorksOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Told whenever the last work is over or the first one comes. */
  readonly onIdleChange?: (idle: boolean) => void;
}

type About = Pick<WorkOptions, 'doing' | 'sameAs'> & Partial<Pick<WorkOptions, 'endsWithClients' | 'brings'>>;

/** A name that no model has: for works on all of them. */
export const ALL = '*';

export class Works {
  readonly #options: WorksOptions;
  readonly #byName = new Map<string, Work>();
  /** What ends with the one who asked: calls it off. */
  readonly #attending = new Set<(reason: SottoError) => Promise<void>>();

  constructor(options: WorksOptions) {
    this.#options = options;
  }

  /** None is under way. */
  get idle(): boolean {
    return this.#byName.size === 0;
  }

  /** The work on a model. */
  on(name: string): Work | undefined {
    return this.#byName.get(name);
  }

  /** The work that pulls a model. */
  bringing(name: string): Work | undefined {
    return [...this.#byName.values()].find(({ brings }) => brings === name);
  }

  /** Calls all off, and resolves when it is over. */
  async stop(reason: () => SottoError): Promise<void> {
    const works = [...this.#byName.values()];
    for (const work of works) work.callOff(reason());
    const attended = [...this.#attending].map((callOff) => callOff(reason()));
    await Promise.all([...attended, ...works.map(({ settled }) => settled)]);
  }

  /** What works on no model's files: it ends with the one who asked. */
  aside(listener: DeskListener, does: (work: Work) => Promise<ModelsResult>): Member {
    const { clock } = this.#options;
    const work = new Work({ clock, doing: '', sameAs: '', endsWithClients: true });
    const member = work.join(listener);
    const callOff = (reason: SottoError): Promise<void> => {
      work.callOff(reason);
      return work.settled;
    };
    this.#attending.add(callOff);
    void work.run(does).then(() => this.#attending.delete(callOff));
    return member;
  }

  /** What goes on until it is called off. @param end what ends it */
  attend(listener: DeskListener, end: () => void): Member {
    const leave = (): void => {
      this.#attending.delete(callOff);
      end();
    };
    const callOff = (error: SottoError): Promise<void> => {
      leave();
      listener({ type: 'failed', seq: 1, error });
      return Promise.resolve();
    };
    this.#attending.add(callOff);
    const cancel = (): void => {
      if (!this.#attending.has(callOff)) return;
      leave();
      listener({ type: 'cancelled', seq: 1 });
    };
    return { cancel, leave };
  }

  /**
   * Begins a work on a model, or joins the same one that is under way.
   * @throws SottoError BUSY for another one
   */
  begin(
    name: string,
    listener: DeskListener,
    about: About,
    does: (work: Work) => Promise<ModelsResult>,
  ): Member {
    const { clock, log } = this.#options;
    const under = this.#byName.get(name);
    // One that was called off is waited for, not joined.
    if (under !== undefined && !under.over && !under.signal.aborted) {
      if (under.sameAs === about.sameAs) return under.join(listener);
      throw busy(name === ALL ? 'the models' : name, under);
    }
    if (under === undefined && this.#byName.size >= MODEL_LIMITS.works)
      throw new SottoError('BUSY', `${MODEL_LIMITS.works} works on models are under way`);
    const work = new Work({ clock, endsWithClients: false, ...about });
    const member = work.join(listener);
    this.#byName.set(name, work);
    if (under === undefined && this.#byName.size === 1) this.#options.onIdleChange?.(false);
    log.info({ model: name }, `model ${about.doing}`);
    const after = async (): Promise<ModelsResult> => {
      await under?.settled;
      if (work.signal.aborted) throw new SottoError('CANCELLED', 'cancelled');
      return does(work);
    };
    void work.run(after).then(() => {
      log.info({ model: name, ...work.outcome }, 'work on a model over');
      if (this.#byName.get(name) !== work) return;
      this.#byName.delete(name);
      if (this.idle) this.#options.onIdleChange?.(true);
    });
    return member;
  }
}

export function busy(what: string, { doing }: Work): SottoError {
  return new SottoError('BUSY', `${what} ${doing}`, { hint: 'wait until that is over, or call it off' });
}
