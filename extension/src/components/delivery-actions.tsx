/** The two ways in which a text leaves Raycast. */
import { Action, Icon } from '@raycast/api';
import type { Delivery } from '../lib/deliver';

interface Props {
  readonly first: Delivery;
  /** Titles of the two. */
  readonly pasteTitle?: string;
  readonly copyTitle?: string;
  readonly onDeliver: (delivery: Delivery) => void;
}

/** The preferred one first: that is what the return key does. */
export function DeliveryActions({ first, pasteTitle = 'Paste', copyTitle = 'Copy', onDeliver }: Props) {
  const actions = [
    <Action key="insert" title={pasteTitle} icon={Icon.TextCursor} onAction={() => onDeliver('insert')} />,
    <Action key="copy" title={copyTitle} icon={Icon.Clipboard} onAction={() => onDeliver('copy')} />,
  ];
  return <>{first === 'insert' ? actions : actions.reverse()}</>;
}
