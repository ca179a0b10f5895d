/** A fake Mac: Finder, the clipboard, the frontmost app, and a log of all API calls. */
import { basename } from 'node:path';
import { defined } from '#daemon/protocol/defined.js';

export interface Application {
  readonly name: string;
  readonly path: string;
  readonly bundleId: string;
}

interface ClipboardContent {
  readonly text: string;
  readonly file?: string;
  readonly html?: string;
}

/** A call of a command: `hud`, `toast`, `paste`, `copy`, `closeMainWindow`, `launchCommand`, `open`, … */
export interface ApiCall {
  readonly method: string;
  readonly args: readonly unknown[];
}

const FINDER: Application = app('Finder', 'com.apple.finder');

export function app(name: string, bundleId: string): Application {
  return { name, path: `/Applications/${name}.app`, bundleId };
}

export class Desktop {
  readonly log: ApiCall[] = [];
  frontmost: Application = app('Notes', 'com.apple.Notes');
  applications: readonly Application[] = [FINDER, app('Notes', 'com.apple.Notes')];
  /** Available only while Finder is frontmost. */
  finderSelection: readonly string[] = [];
  selectedText: string | undefined;
  /** The most recent first. */
  clipboard: ClipboardContent[] = [];
  isClipboardReadable = true;
  /** The user's answer to every alert. */
  confirmAnswer = true;
  /** All pasted text: the content of the frontmost app. */
  pasted = '';
  /** Time until the frontmost app reads the clipboard after a paste. */
  pasteDelayMs = 0;

  showFinder(...selection: string[]): void {
    this.frontmost = FINDER;
    this.finderSelection = selection;
  }

  #readPasted(): void {
    this.pasted += this.clipboard[0]?.text ?? '';
  }

  /** The first argument of each call of a method. */
  callsTo(method: string): unknown[] {
    return this.log.filter((call) => call.method === method).map(({ args }) => args[0]);
  }

  /** Executes a call. @throws Error where a Mac would, and for an unknown method */
  answer(method: string, args: readonly unknown[]): unknown {
    this.log.push({ method, args });
    switch (method) {
      case 'copy':
        // Concealed content replaces the clipboard without adding to its history.
        if (isConcealed(args[1])) this.clipboard.shift();
        return void this.clipboard.unshift(contentOf(args[0]));
      case 'paste':
        this.clipboard.unshift(contentOf(args[0]));
        if (this.pasteDelayMs === 0) this.#readPasted();
        else setTimeout(() => this.#readPasted(), this.pasteDelayMs);
        return undefined;
      case 'clearClipboard':
        return void (this.clipboard = []);
      case 'readClipboard':
        if (!this.isClipboardReadable) throw new Error('Could not read the clipboard');
        return this.clipboard[offsetOf(args[0])] ?? { text: '' };
      case 'getSelectedFinderItems':
        if (this.frontmost.bundleId !== FINDER.bundleId) {
          throw new Error('Could not get selected Finder items: Finder is not the frontmost application');
        }
        return this.finderSelection.map((path) => ({ path, name: basename(path) }));
      case 'getSelectedText':
        if (this.selectedText === undefined) throw new Error('Could not get the selected text');
        return this.selectedText;
      case 'getFrontmostApplication':
        return this.frontmost;
      case 'getApplications':
        return this.applications;
      case 'getDefaultApplication':
        return this.applications[0];
      case 'confirm':
        return this.confirmAnswer;
      case 'hud':
      case 'toast':
      case 'hideToast':
      case 'closeMainWindow':
      case 'popToRoot':
      case 'clearSearchBar':
      case 'launchCommand':
      case 'open':
      case 'openCommandPreferences':
      case 'openExtensionPreferences':
      case 'showInFinder':
      case 'quickLook':
      case 'trash':
      case 'updateCommandMetadata':
      case 'exception':
        return undefined;
      default:
        throw new Error(`the Raycast host cannot do ${method}`);
    }
  }
}

function contentOf(value: unknown): ClipboardContent {
  if (typeof value === 'string' || typeof value === 'number') return { text: String(value) };
  if (typeof value !== 'object' || value === null)
    throw new TypeError(`${String(value)} is not clipboard content`);
  const { text, file, html } = value as Partial<ClipboardContent>;
  if (text === undefined && file === undefined && html === undefined) {
    throw new TypeError('clipboard content is text, a file or html');
  }
  return {
    text: text ?? (file === undefined ? '' : basename(file)),
    ...defined({ file, html }),
  };
}

function isConcealed(options: unknown): boolean {
  return (options as { concealed?: boolean } | undefined)?.concealed === true;
}

function offsetOf(options: unknown): number {
  return (options as { offset?: number } | undefined)?.offset ?? 0;
}
