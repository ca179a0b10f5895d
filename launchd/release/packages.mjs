// The npm packages that Sotto needs at run time, and the files of them that a system needs.
import { readdirSync } from 'node:fs';
import path from 'node:path';

/** Dependencies that are needed only for compiling. */
const BUILD_ONLY = new Set(['node-addon-api']);

/**
 * Collects the dependencies from the lockfile, recursively, without optional ones.
 * @returns `[{ place, name, version, license }]`, place as in the lockfile (`node_modules/ws`), sorted by place
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

/** Names of Sotto's direct run-time dependencies. */
export function runDependencies({ packages }) {
  return Object.keys(packages[''].dependencies).filter((name) => !BUILD_ONLY.has(name));
}

/** Resolves a package as Node does: in the package's own node_modules, then in the enclosing ones. */
function resolvePackage(packages, from, name) {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
    const place = `${at === '' ? '' : `${at}/`}node_modules/${name}`;
    if (packages[place] !== undefined) return place;
    if (at === '') return undefined;
  }
}

const nameOf = (place) => place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length);

/** Files of a package that a release for the target includes, relative to the package's folder. */
export function filesOf(folder, name, target) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath ?? entry.path, entry.name)))
    .filter((file) => isNeeded(name, file, target))
    .sort();
}

/** Not needed at run time: types, source maps, and files for the development of a package. */
const DEVELOPMENT = [
  /\.(map|tsbuildinfo)$/,
  /\.[cm]?ts$/,
  /(^|\/)node_modules\//,
  /^(test|tests|benchmarks?|docs|examples|\.github)\//,
  /(^|\/)\.(npmignore|eslintrc|prettierrc|editorconfig|gitattributes|taprc)[^/]*$/,
];

/** Packages that consist mostly of binaries for other systems or of sources. */
const SPECIAL = {
  '@photostructure/sqlite': (file, target) =>
    file.startsWith('prebuilds/')
      ? file.startsWith(`prebuilds/${target}/`) && !file.includes('.musl.')
      : !/^(src|scripts)\/|^binding\.gyp$/.test(file),
  // Sotto includes the vocabularies of its models; these belong to other models.
  tiktoken: (file) => !/^(encoders|lite)\//.test(file),
  // Sotto loads the build for current systems, which holds LAME and needs no helpers.
  'wasm-media-encoders': (file) => !/^(wasm|dist\/(es|umd))\/|\.cjs$/.test(file),
  '@swc/helpers': (file) => ['package.json', 'LICENSE'].includes(file),
};

/** The types of Sotto's protocol use these, so users of `sotto/client` need them, such as the extension. */
const TYPES = { valibot: 'dist/index.d.mts' };

export function isNeeded(name, file, target) {
  if (TYPES[name] === file) return true;
  if (DEVELOPMENT.some((pattern) => pattern.test(file))) return false;
  return SPECIAL[name]?.(file, target) ?? true;
}
