/** Sends a toast to the host when it is shown and at each change. */
import { callHost } from './parent.js';
import { defined } from '#daemon/protocol/defined.js';

const Style = { Success: 'SUCCESS', Failure: 'FAILURE', Animated: 'ANIMATED' } as const;
type Style = (typeof Style)[keyof typeof Style];

interface ToastOptions {
  readonly style?: Style;
  readonly title: string;
  readonly message?: string;
  readonly primaryAction?: { readonly title: string };
  readonly secondaryAction?: { readonly title: string };
}

export class Toast {
  static readonly Style = Style;
  primaryAction: ToastOptions['primaryAction'];
  secondaryAction: ToastOptions['secondaryAction'];
  #style: Style;
  #title: string;
  #message: string | undefined;
  #isShown = false;

  constructor({ style = Style.Success, title, message, primaryAction, secondaryAction }: ToastOptions) {
    this.#style = style;
    this.#title = title;
    this.#message = message;
    this.primaryAction = primaryAction;
    this.secondaryAction = secondaryAction;
  }

  get style(): Style {
    return this.#style;
  }
  set style(style: Style) {
    this.#style = style;
    void this.#update();
  }
  get title(): string {
    return this.#title;
  }
  set title(title: string) {
    this.#title = title;
    void this.#update();
  }
  get message(): string | undefined {
    return this.#message;
  }
  set message(message: string | undefined) {
    this.#message = message;
    void this.#update();
  }

  async show(): Promise<void> {
    this.#isShown = true;
    await this.#update();
  }

  async hide(): Promise<void> {
    this.#isShown = false;
    await callHost('hideToast');
  }

  async #update(): Promise<void> {
    if (!this.#isShown) return;
    const actions = [this.primaryAction?.title, this.secondaryAction?.title].filter(
      (title) => title !== undefined,
    );
    await callHost('toast', { style: this.#style, title: this.#title, message: this.#message, actions });
  }
}

export async function showToast(
  first: ToastOptions | Style,
  title?: string,
  message?: string,
): Promise<Toast> {
  const toast = new Toast(
    typeof first === 'object' ? first : { style: first, title: title ?? '', ...defined({ message }) },
  );
  await toast.show();
  return toast;
}
