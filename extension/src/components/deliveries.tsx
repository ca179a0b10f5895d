/** The two ways in which a text leaves Raycast. */
import { Action, Icon } from '@raycast/api';
import type { Delivery } from '../lib/deliver';

interface Props {
  readonly first: Delivery;
  /** Titles of the two. */
  readonly insert?: string;
  readonly copy?: string;
  readonly on: (how: Delivery) => void;
}

/** The preferred one first: that is what the return key does. */
export function Deliveries({ first, insert = 'Paste', copy = 'Copy', on }: Props) {
  const actions = [
    <Action key="insert" title={insert} icon={Icon.TextCursor} onAction={() => on('insert')} />,
    <Action key="copy" title={copy} icon={Icon.Clipboard} onAction={() => on('copy')} />,
  ];
  return <>{first === 'insert' ? actions : actions.reverse()}</>;
}
