/** The commands, tools and preferences of an extension's manifest. */
import { z } from 'zod';

const preference = z.object({
  name: z.string(),
  type: z.enum(['textfield', 'password', 'checkbox', 'dropdown', 'appPicker', 'file', 'directory']),
  required: z.boolean().default(false),
  default: z.unknown().optional(),
  data: z.array(z.object({ title: z.string(), value: z.string() })).optional(),
});

const command = z.object({
  name: z.string(),
  title: z.string(),
  mode: z.enum(['view', 'no-view', 'menu-bar']),
  preferences: z.array(preference).default([]),
  arguments: z.array(z.object({ name: z.string(), required: z.boolean().default(false) })).default([]),
});

const manifest = z.object({
  name: z.string(),
  author: z.string(),
  preferences: z.array(preference).default([]),
  commands: z.array(command),
  tools: z.array(z.object({ name: z.string(), title: z.string(), description: z.string() })).default([]),
});

type Preference = z.infer<typeof preference>;
export type Command = z.infer<typeof command>;
export type Manifest = z.infer<typeof manifest>;

export function readManifest(json: unknown): Manifest {
  return manifest.parse(json);
}

export function commandOf({ commands }: Manifest, name: string): Command {
  const found = commands.find((each) => each.name === name);
  if (found === undefined) throw new Error(`the manifest has no command ${name}`);
  return found;
}

type Values = Readonly<Record<string, unknown>>;

/** The result of `getPreferenceValues`: the user's value, or else the default of the manifest. */
export function preferenceValues(
  of: Manifest,
  command: Pick<Command, 'preferences'>,
  set: Values,
): Record<string, unknown> {
  const known = [...of.preferences, ...command.preferences];
  refuseUnknown('preference', known, set);
  const values = Object.fromEntries(known.map((each) => [each.name, set[each.name] ?? defaultOf(each)]));
  for (const { name, required } of known) {
    if (required && (values[name] === undefined || values[name] === '')) {
      throw new Error(`Raycast would ask for the preference ${name} first: it is required`);
    }
  }
  return values;
}

function defaultOf({ type, default: value, data }: Preference): unknown {
  const own = typeof value === 'object' && value !== null && 'macOS' in value ? value.macOS : value;
  if (own !== undefined) return own;
  if (type === 'checkbox') return false;
  return type === 'dropdown' ? data?.[0]?.value : undefined;
}

/** Omitted arguments are empty strings. */
export function argumentValues(
  command: Pick<Command, 'arguments'>,
  given: Readonly<Record<string, string>>,
): Record<string, string> {
  refuseUnknown('argument', command.arguments, given);
  return Object.fromEntries(
    command.arguments.map(({ name, required }) => {
      const value = given[name] ?? '';
      if (required && value === '') throw new Error(`Raycast would ask for the argument ${name} first`);
      return [name, value];
    }),
  );
}

function refuseUnknown(what: string, known: readonly { readonly name: string }[], given: Values): void {
  for (const name of Object.keys(given)) {
    if (!known.some((each) => each.name === name)) throw new Error(`the manifest has no ${what} ${name}`);
  }
}
