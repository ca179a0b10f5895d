/** The rendered tree of a command as plain data: components, their properties, and slots for elements in properties. */

export interface TreeNode {
  readonly id: number;
  /** `Detail`, `List.Item`, `Action`, `slot` (named by its property `name`), `#text`. */
  readonly type: string;
  /** Functions are FUNCTION_MARK: the worker runs them by property name. */
  readonly props: Readonly<Record<string, unknown>>;
  readonly children: readonly TreeNode[];
}

export const FUNCTION_MARK = 'ƒ';

/** The node and its descendants, depth first. */
export function* walk(node: TreeNode | undefined): Generator<TreeNode> {
  if (node === undefined) return;
  yield node;
  for (const child of node.children) yield* walk(child);
}

export function find(
  node: TreeNode | undefined,
  matches: string | ((node: TreeNode) => boolean),
): TreeNode | undefined {
  for (const each of walk(node))
    if (typeof matches === 'string' ? each.type === matches : matches(each)) return each;
  return undefined;
}

export function findAll(node: TreeNode | undefined, type: string): TreeNode[] {
  return [...walk(node)].filter((each) => each.type === type);
}

/** A string property, or ''. */
export function textOf(node: TreeNode | undefined, prop: string): string {
  const value = node?.props[prop];
  return typeof value === 'string' ? value : '';
}

export function slot(node: TreeNode | undefined, name: string): TreeNode | undefined {
  return node?.children.find((child) => child.type === 'slot' && child.props.name === name);
}

/** Properties that are visible text, in reading order. */
const READABLE_PROPS = ['navigationTitle', 'title', 'subtitle', 'markdown', 'description', 'text', 'value'];

/** The visible text, one line for each property, without the titles of actions. */
export function readable(node: TreeNode | undefined): string {
  const lines: string[] = [];
  const hasItems = find(node, ({ type }) => /^(List|Grid)\.Item$/.test(type)) !== undefined;
  const read = (each: TreeNode): void => {
    if (each.type === 'slot' && each.props.name === 'actions') return;
    if (each.type.endsWith('.EmptyView') && hasItems) return;
    for (const prop of READABLE_PROPS) push(lines, each.props[prop]);
    if (Array.isArray(each.props.accessories)) {
      for (const accessory of each.props.accessories as Record<string, unknown>[]) {
        push(lines, accessory.text);
        push(lines, accessory.tag);
      }
    }
    each.children.forEach(read);
  };
  if (node !== undefined) read(node);
  return lines.join('\n');
}

function push(lines: string[], value: unknown): void {
  if (typeof value === 'string' && value !== '' && value !== FUNCTION_MARK) lines.push(value);
  else if (typeof value === 'object' && value !== null && 'value' in value) push(lines, value.value);
}
