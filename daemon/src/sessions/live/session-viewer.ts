/** Turns the events of a live session into views of its text, each with what changed since the last one that was sent. */
import { defined } from '../../protocol/defined.js';
import { isTerminal, type LiveEvent } from '../../protocol/live.js';
import type { SessionView } from '../../protocol/session-view.js';
import { applyReplacementsLive, type DisplayText } from '../vocabulary/apply-replacements.js';
import type { Replacer } from '../vocabulary/replacer.js';
import type { LoggedEvent } from './event-log.js';

interface SessionViewerDeps {
  readonly model: string;
  readonly fallbackFor: string | undefined;
  readonly replacer: Replacer;
  /** @returns whether it was sent; the next view has the change otherwise */
  readonly send: (view: SessionView) => boolean;
}

type Fields = Omit<SessionView, 'from' | 'committed' | 'tentative'>;

export class SessionViewer {
  readonly #deps: SessionViewerDeps;
  /** As the model commits it. */
  #decoded: DisplayText = { committed: '', tentative: '' };
  #fields: Fields;
  /** The text that the client has. */
  #sent = '';
  #isScheduled = false;

  constructor(deps: SessionViewerDeps) {
    const { fallbackFor, model } = deps;
    this.#deps = deps;
    this.#fields = { seq: 0, speaking: false, isOver: false, model, ...defined({ fallbackFor }) };
  }

  receive({ seq, event }: LoggedEvent): void {
    if (seq !== undefined) this.#fields = { ...this.#fields, seq };
    if (!this.#apply(event) || this.#isScheduled) return;
    // The events of a decode step come together and make one view.
    this.#isScheduled = true;
    setImmediate(() => this.#show());
  }

  /** @returns whether it changes the view */
  #apply(event: LiveEvent): boolean {
    const { committed } = this.#decoded;
    switch (event.type) {
      case 'committed':
        this.#decoded = { ...this.#decoded, committed: committed + event.text };
        return true;
      case 'tentative':
        this.#decoded = { committed, tentative: event.text };
        return true;
      case 'switched': {
        const { fallbackFor: _, language: __, ...rest } = this.#fields;
        this.#decoded = { committed: '', tentative: '' };
        this.#fields = rest;
        return this.#set({ model: event.model, ...defined({ fallbackFor: event.fallbackFor }) });
      }
      case 'language':
        return this.#set({ language: event.language });
      case 'state':
        return this.#set({ state: event.state });
      case 'voice':
        return this.#set({ speaking: event.speaking });
      case 'final':
        this.#decoded = { committed, tentative: '' };
        return this.#set({ isOver: true, ...defined({ language: event.language }) });
      default:
        return isTerminal(event) && this.#set({ isOver: true });
    }
  }

  #set(fields: Partial<Fields>): boolean {
    this.#fields = { ...this.#fields, ...fields };
    return true;
  }

  #show(): void {
    this.#isScheduled = false;
    const { replacer, send } = this.#deps;
    const { committed, tentative } = applyReplacementsLive(replacer, this.#decoded);
    const from = commonLength(this.#sent, committed);
    const text = { from, committed: committed.slice(from), tentative };
    if (send({ ...this.#fields, ...text })) this.#sent = committed;
  }
}

/** Length of the start that both texts share. */
function commonLength(a: string, b: string): number {
  if (b.startsWith(a)) return a.length;
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}
