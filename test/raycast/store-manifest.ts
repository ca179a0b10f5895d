/**
 * The manifest that the Store accepts, according to Raycast's manual, without other fields. `ray lint` requests a JSON schema
 * of it, and the one on Raycast's site needs a network.
 */
import { z } from 'zod';

const NAME = z.string().regex(/^[a-zA-Z0-9-]+$/);
const TITLE = z.string().min(2).max(255);
const DESCRIPTION = z.string().min(12).max(2048);
const PNG = z.string().regex(/^[\w.-]+\.png$/);
const KEYWORDS = z.array(z.string().min(1)).max(100);

const CATEGORIES = [
  ...['Applications', 'Communication', 'Data', 'Documentation', 'Design Tools', 'Developer Tools', 'Finance'],
  ...['Fun', 'Media', 'News', 'Productivity', 'Security', 'System', 'Web', 'Other'],
];

const choices = z.array(z.strictObject({ title: z.string().min(1), value: z.string() })).min(1);

const common = {
  name: NAME,
  title: z.string().min(1),
  description: z.string().min(1),
  required: z.boolean(),
};

const preference = z.discriminatedUnion('type', [
  z.strictObject({
    ...common,
    type: z.enum(['textfield', 'password', 'appPicker', 'file', 'directory']),
    placeholder: z.string().optional(),
    default: z.string().optional(),
  }),
  z.strictObject({
    ...common,
    type: z.literal('checkbox'),
    title: z.string().optional(),
    label: z.string().min(1),
    default: z.boolean().optional(),
  }),
  z.strictObject({ ...common, type: z.literal('dropdown'), data: choices, default: z.string().optional() }),
]);

const argument = z.strictObject({
  name: NAME,
  type: z.enum(['text', 'password', 'dropdown']),
  placeholder: z.string().min(1),
  required: z.boolean().optional(),
  data: choices.optional(),
});

const command = z.strictObject({
  name: NAME,
  title: TITLE,
  subtitle: z.string().optional(),
  description: DESCRIPTION,
  icon: PNG.optional(),
  mode: z.enum(['view', 'no-view', 'menu-bar']),
  interval: z
    .string()
    .regex(/^\d+[smhd]$/)
    .optional(),
  keywords: KEYWORDS.optional(),
  preferences: z.array(preference).optional(),
  arguments: z.array(argument).max(3).optional(),
  disabledByDefault: z.boolean().optional(),
});

const tool = z.strictObject({
  name: NAME,
  title: TITLE,
  description: DESCRIPTION,
  icon: PNG.optional(),
  keywords: KEYWORDS.optional(),
});

export const storeManifest = z.strictObject({
  $schema: z.string().optional(),
  name: NAME,
  title: TITLE,
  description: DESCRIPTION,
  icon: PNG,
  author: NAME,
  owner: NAME.optional(),
  access: z.enum(['public', 'private']).optional(),
  contributors: z.array(NAME).optional(),
  license: z.literal('MIT'),
  platforms: z.array(z.enum(['macOS', 'Windows'])).min(1),
  categories: z.array(z.enum(CATEGORIES)).min(1),
  keywords: KEYWORDS.optional(),
  commands: z.array(command).min(1),
  tools: z.array(tool).optional(),
  ai: z
    .strictObject({ instructions: z.string().optional(), evals: z.array(z.unknown()).optional() })
    .optional(),
  preferences: z.array(preference).optional(),
  external: z.array(z.string()).optional(),
  // Fields of npm.
  dependencies: z.record(z.string(), z.string()).optional(),
  devDependencies: z.record(z.string(), z.string()).optional(),
  scripts: z.record(z.string(), z.string()).optional(),
});

/** Words in lowercase inside a title. */
const LOWERCASE_WORDS = new Set([
  ...['a', 'an', 'and', 'as', 'at', 'but', 'by', 'for', 'from', 'if', 'in', 'into', 'nor', 'of', 'on', 'or'],
  ...['over', 'the', 'to', 'via', 'with'],
]);

/** Whether all words are capitalized, except LOWERCASE_WORDS inside the title. */
export function isTitleCase(title: string): boolean {
  const words = title.replace(/…$/, '').split(/\s+/);
  return words.every((word, at) => {
    const isInside = at > 0 && at < words.length - 1;
    return isInside && LOWERCASE_WORDS.has(word.toLowerCase())
      ? LOWERCASE_WORDS.has(word)
      : !/^\p{Ll}/u.test(word);
  });
}
