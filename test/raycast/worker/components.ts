/** The components of `@raycast/api`: each renders a node of its name, with elements in properties as slots. */
import {
  createElement,
  isValidElement,
  useImperativeHandle,
  type FunctionComponent,
  type ReactNode,
  type Ref,
} from 'react';

type Props = Readonly<Record<string, unknown>> & {
  readonly children?: ReactNode;
  readonly ref?: Ref<unknown>;
};
type Component = FunctionComponent<Props>;

/** All node names, with members below their parents: `List.Item.Detail`. */
const NAMES = [
  ...['List', 'List.Item', 'List.Section', 'List.EmptyView', 'List.Dropdown', 'List.Dropdown.Item'],
  ...['List.Dropdown.Section', 'List.Item.Detail', ...metadata('List.Item.Detail.Metadata')],
  ...['Detail', ...metadata('Detail.Metadata')],
  ...['Grid', 'Grid.Item', 'Grid.Section', 'Grid.EmptyView', 'Grid.Dropdown', 'Grid.Dropdown.Item'],
  ...['Form', 'Form.TextField', 'Form.TextArea', 'Form.PasswordField', 'Form.Checkbox', 'Form.DatePicker'],
  ...[
    'Form.Dropdown',
    'Form.Dropdown.Item',
    'Form.Dropdown.Section',
    'Form.TagPicker',
    'Form.TagPicker.Item',
  ],
  ...['Form.FilePicker', 'Form.Description', 'Form.Separator', 'Form.LinkAccessory'],
  ...['ActionPanel', 'ActionPanel.Section', 'ActionPanel.Submenu'],
  ...['MenuBarExtra', 'MenuBarExtra.Item', 'MenuBarExtra.Section', 'MenuBarExtra.Submenu'],
];

function metadata(name: string): string[] {
  return [
    name,
    ...['Label', 'Link', 'Separator', 'TagList', 'TagList.Item'].map((member) => `${name}.${member}`),
  ];
}

export function component(name: string): Component {
  const render: Component = ({ children, ref, ...props }) => {
    // The methods of a form field or a list, which have no effect in tests.
    useImperativeHandle(ref, () => ({ focus: () => undefined, reset: () => undefined }));
    const own: Record<string, unknown> = {};
    const slots: ReactNode[] = [];
    for (const [key, value] of Object.entries(props)) {
      if (isValidElement(value)) slots.push(createElement('slot', { key, name: key }, value));
      else own[key] = value;
    }
    return createElement(name, own, children, ...slots);
  };
  render.displayName = name;
  return rejectUnknownMembers(render, name);
}

/** An unknown member throws when it is accessed; React's own error would not name it. */
export function rejectUnknownMembers<T extends object>(value: T, name: string): T {
  return new Proxy(value, {
    get(target, key, receiver): unknown {
      const isForeign = typeof key === 'string' && /^[A-Z]/.test(key) && !(key in target);
      if (isForeign) throw new Error(`the Raycast host knows no ${name}.${key}`);
      return Reflect.get(target, key, receiver);
    },
  });
}

/** Top-level components, with the others as their members. */
export function components(): Record<string, Component> {
  const all: Record<string, Component> = {};
  for (const name of NAMES) {
    const made = (all[name] = component(name));
    const at = name.lastIndexOf('.');
    const parent = all[name.slice(0, Math.max(at, 0))];
    if (parent !== undefined) Object.assign(parent, { [name.slice(at + 1)]: made });
  }
  return Object.fromEntries(Object.entries(all).filter(([name]) => !name.includes('.')));
}
