import { Action, Icon } from '@raycast/api';
import type { Delivery } from '../lib/deliver';

interface Props {
  readonly first: Delivery;
  readonly pasteTitle?: string;
  readonly copyTitle?: string;
  readonly onDeliver: (delivery: Delivery) => void;
}

/** The preferred delivery is first, which puts it on the return key. */
export function DeliveryActions({ first, pasteTitle = 'Paste', copyTitle = 'Copy', onDeliver }: Props) {
  const actions = [
    <Action key="paste" title={pasteTitle} icon={Icon.TextCursor} onAction={() => onDeliver('paste')} />,
    <Action key="copy" title={copyTitle} icon={Icon.Clipboard} onAction={() => onDeliver('copy')} />,
  ];
  return <>{first === 'paste' ? actions : actions.reverse()}</>;
}
