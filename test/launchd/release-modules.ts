/** Types for the plain JavaScript modules of the release. */
import path from 'node:path';
import { pathToFileURL } from 'node:url';

export const root = path.resolve(import.meta.dirname, '../../..');

export interface Build {
  target: string;
  /** Path of the addon. */
  addon: string;
  /** Path of the recording program. */
  mic: string;
  /** Folders of the Python wheels that it is linked with. */
  wheels: string[];
  /** Content of `build.json`. */
  info: object;
}

/** The Node in a release. */
export interface BundledNode {
  program: string;
  license: string;
  version: string;
}

interface Package {
  place: string;
  name: string;
  version: string;
  license?: string;
}

export interface Lock {
  packages: Record<string, { version?: string; license?: string; dependencies?: Record<string, string> }>;
}

interface Loading {
  libraries: string[];
  rpaths: string[];
}

interface Modules {
  'launchd/release/addon.mjs': { readAddon: (root: string, target: string, folder: string) => Build };
  'launchd/release/stage.mjs': {
    stage: (root: string, folder: string, build: Build, from: { node: BundledNode; url?: string }) => void;
  };
  'launchd/release/formula.mjs': {
    renderFormula: (values: { version: string; url: string; sums: Record<string, string> }) => string;
  };
  'launchd/release/packages.mjs': {
    productionPackages: (lock: Lock) => Package[];
    isNeeded: (name: string, file: string, target: string) => boolean;
  };
  'launchd/release/third-party.mjs': {
    licenseTexts: (root: string, place: string, license: string | undefined) => string[];
  };
  'launchd/release/inspect.mjs': {
    inspect: (
      folder: string,
      target: string,
      buildRoot: string,
      macos?: string,
    ) => { problems: string[]; bytes: number; files: number; binaries: string[] };
  };
  'launchd/release/drawn-pictures.mjs': {
    markDrawn: (file: string) => void;
    drawnPictures: (folder: string) => string[];
  };
  'launchd/release/store.mjs': {
    writeStoreCopy: (root: string, folder: string) => void;
    refuseDrawnPictures: (folder: string) => void;
  };
  'launchd/release/pack.mjs': {
    pack: (folder: string, file: string, level?: number) => Promise<{ sha256: string; bytes: number }>;
  };
  'launchd/release/stamp.mjs': {
    stampScript: (
      script: string,
      values: { version: string; url: string; sums: Record<string, string> },
    ) => string;
  };
  'native/build/macho.mjs': {
    loading: (file: Buffer) => Loading & {
      name: string | undefined;
      macos: string | undefined;
      signed: boolean;
    };
    symbolsFrom: (file: Buffer, library: string | undefined) => string[];
  };
  'native/build/elf.mjs': { loading: (file: Buffer) => Loading & { arch: string | undefined } };
}

export async function load<N extends keyof Modules>(name: N): Promise<Modules[N]> {
  return (await import(pathToFileURL(path.join(root, name)).href)) as Modules[N];
}
