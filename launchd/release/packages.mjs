// The npm packages that Sotto runs with, and which of their files a system needs.
import { readdirSync } from 'node:fs';
import path from 'node:path';

/** Sotto itself asks for these only to be compiled. */
const BUILD_ONLY = new Set(['node-addon-api']);

/**
 * What runs, by the lockfile: dependencies and theirs, without those that npm calls optional.
 * @returns `[{ place, name, version, license }]`, place as in the lockfile (`node_modules/ws`), sorted by it
 */
export function productionPackages(lock) {
  const { packages } = lock;
  const found = new Map();
  const queue = runDependencies(lock).map((name) => ['', name]);
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const [from, name] = next;
    const place = resolvePackage(packages, from, name);
    if (place === undefined)
      throw new Error(`${name}, which ${from || 'Sotto'} needs, is not in the lockfile`);
    if (found.has(place)) continue;
    const { version, license, dependencies = {} } = packages[place];
    found.set(place, { place, name: nameOf(place), version, license });
    queue.push(...Object.keys(dependencies).map((dependency) => [place, dependency]));
  }
  return [...found.values()].sort((a, b) => (a.place < b.place ? -1 : 1));
}

/** Names of the packages that Sotto itself asks for when it runs. */
export function runDependencies({ packages }) {
  return Object.keys(packages[''].dependencies).filter((name) => !BUILD_ONLY.has(name));
}

/** As Node looks for it: in the package's own node_modules, then in those around it. */
function resolvePackage(packages, from, name) {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
    const place = `${at === '' ? '' : `${at}/`}node_modules/${name}`;
    if (packages[place] !== undefined) return place;
    if (at === '') return undefined;
  }
}

const nameOf = (place) => place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length);

/** Files of a package that a release for the target holds, relative to the package's folder. */
export function filesOf(folder, name, target) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath ?? entry.path, entry.name)))
    .filter((file) => isNeeded(name, file, target))
    .sort();
}

/** Not looked at by a program that runs: types, maps, what belongs to a package's own development. */
const DEVELOPMENT = [
  /\.(map|tsbuildinfo)$/,
  /\.[cm]?ts$/,
  /(^|\/)node_modules\//,
  /^(test|tests|benchmarks?|docs|examples|\.github)\//,
  /(^|\/)\.(npmignore|eslintrc|prettierrc|editorconfig|gitattributes|taprc)[^/]*$/,
];

/** Packages whose binaries for other systems, or whose sources, are most of their size. */
const SPECIAL = {
  '@photostructure/sqlite': (file, target) =>
    file.startsWith('prebuilds/')
      ? file.startsWith(`prebuilds/${target}/`) && !file.includes('.musl.')
      : !/^(src|scripts)\/|^binding\.gyp$/.test(file),
  // Sotto brings the vocabularies of its models along; these are other models'.
  tiktoken: (file) => !/^(encoders|lite)\//.test(file),
};

/** The types of Sotto's protocol are made of these: who builds on `sotto/client` needs them, the extension above all. */
const TYPES = { valibot: 'dist/index.d.mts' };

export function isNeeded(name, file, target) {
  if (TYPES[name] === file) return true;
  if (DEVELOPMENT.some((pattern) => pattern.test(file))) return false;
  return SPECIAL[name]?.(file, target) ?? true;
}
