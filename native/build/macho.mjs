// The part of the Mach-O format that lists a 64-bit library's symbols and how it is loaded, so that the build
// needs no binutils for macOS.

const MAGIC_64 = 0xfeedfacf;
const MAGIC_FAT = 0xcafebabe;
const LC_SYMTAB = 0x2;
const LC_SEGMENT_64 = 0x19;
const LC_LOAD_DYLIB = 0xc;
const LC_ID_DYLIB = 0xd;
const LC_LOAD_WEAK_DYLIB = 0x80000018;
const LC_RPATH = 0x8000001c;
const LC_CODE_SIGNATURE = 0x1d;
const LC_REEXPORT_DYLIB = 0x8000001f;
const LC_BUILD_VERSION = 0x32;
const CODE_DIRECTORY = 0xfade0c02;
const CS_RUNTIME = 0x10000;
const CPU_ARM64 = 0x0100000c;

const N_STAB = 0xe0; // debugging entry
const N_TYPE = 0x0e;
const N_EXT = 0x01;
const N_UNDF = 0x0;
/** The ordinal of symbols that any loaded image may provide. Node's are linked this way. */
const DYNAMIC_LOOKUP_ORDINAL = 0xfe;

/** Names of the library's exports. */
export function exportedSymbols(file) {
  return new Set(
    symbols(file)
      .filter((s) => s.external && !s.undefined)
      .map((s) => s.name),
  );
}

/** Names that the library imports. */
export function undefinedSymbols(file) {
  return symbols(file)
    .filter((s) => s.external && s.undefined)
    .map((s) => s.name);
}

/**
 * Names that the library imports from one other library, given as in its load commands
 * (`/usr/lib/libc++.1.dylib`); `undefined` means from any loaded image.
 */
export function symbolsFrom(file, library) {
  const { libraries } = loading(file);
  return symbols(file)
    .filter((s) => s.external && s.undefined)
    .filter((s) => (s.library === DYNAMIC_LOOKUP_ORDINAL ? undefined : libraries[s.library - 1]) === library)
    .map((s) => s.name);
}

/**
 * How the system loads the library.
 * @returns `{ name, libraries, rpaths, macos, signed, hardened, sections }`: its install name, the libraries
 * it needs, the directories to search for them, the oldest macOS that loads it (`14.0`), whether it is signed
 * (Apple silicon runs nothing else), whether it uses the hardened runtime, and the names of its sections
 */
export function loading(file) {
  const view = arm64Slice(file);
  const found = {
    name: undefined,
    libraries: [],
    rpaths: [],
    macos: undefined,
    signed: false,
    hardened: false,
    sections: [],
  };
  for (const { command, at } of loadCommands(view)) {
    const text = () => {
      const start = at + view.readUInt32LE(at + 8);
      return view.toString('utf8', start, view.indexOf(0, start));
    };
    if (command === LC_ID_DYLIB) found.name = text();
    if ([LC_LOAD_DYLIB, LC_LOAD_WEAK_DYLIB, LC_REEXPORT_DYLIB].includes(command))
      found.libraries.push(text());
    if (command === LC_SEGMENT_64) found.sections.push(...sectionNames(view, at));
    if (command === LC_RPATH) found.rpaths.push(text());
    if (command === LC_CODE_SIGNATURE) {
      found.signed = true;
      found.hardened = isHardened(view, view.readUInt32LE(at + 8));
    }
    if (command === LC_BUILD_VERSION) {
      const version = view.readUInt32LE(at + 12);
      found.macos = `${version >> 16}.${(version >> 8) & 0xff}`;
    }
  }
  return found;
}

function sectionNames(view, at) {
  return Array.from({ length: view.readUInt32LE(at + 64) }, (_, i) => {
    const start = at + 72 + 80 * i;
    return view.toString('latin1', start, start + 16).replace(/\0.*$/s, '');
  });
}

/** @param start of the big-endian signature; the flags of its code directory say whether it is hardened */
function isHardened(view, start) {
  for (let i = 0; i < view.readUInt32BE(start + 8); i++) {
    const blob = start + view.readUInt32BE(start + 12 + 8 * i + 4);
    if (view.readUInt32BE(blob) === CODE_DIRECTORY) return (view.readUInt32BE(blob + 12) & CS_RUNTIME) !== 0;
  }
  return false;
}

/** Whether the file is a 64-bit ARM library, or contains one. */
export function isMachO(file) {
  if (file.length < 32) return false;
  return file.readUInt32LE(0) === MAGIC_64 ? file.readUInt32LE(4) === CPU_ARM64 : holdsArm64(file);
}

function symbols(file) {
  const view = arm64Slice(file);
  for (const { command, at } of loadCommands(view)) {
    if (command === LC_SYMTAB) {
      return table(view, view.readUInt32LE(at + 8), view.readUInt32LE(at + 12), view.readUInt32LE(at + 16));
    }
  }
  throw new Error('the file has no symbol table');
}

function* loadCommands(view) {
  if (view.readUInt32LE(0) !== MAGIC_64) throw new Error('not a 64-bit Mach-O file');
  const commands = view.readUInt32LE(16);
  for (let i = 0, at = 32; i < commands; i++, at += view.readUInt32LE(at + 4)) {
    yield { command: view.readUInt32LE(at), at };
  }
}

function holdsArm64(file) {
  if (file.readUInt32BE(0) !== MAGIC_FAT) return false;
  for (let i = 0; i < file.readUInt32BE(4); i++) if (file.readUInt32BE(8 + 20 * i) === CPU_ARM64) return true;
  return false;
}

function arm64Slice(file) {
  if (file.readUInt32BE(0) !== MAGIC_FAT) return file;
  for (let i = 0; i < file.readUInt32BE(4); i++) {
    const at = 8 + 20 * i;
    if (file.readUInt32BE(at) === CPU_ARM64) {
      const offset = file.readUInt32BE(at + 8);
      return file.subarray(offset, offset + file.readUInt32BE(at + 12));
    }
  }
  throw new Error('the file has no arm64 part');
}

function table(view, offset, count, strings) {
  const found = [];
  for (let i = 0; i < count; i++) {
    const at = offset + 16 * i;
    const type = view.readUInt8(at + 4);
    if (type & N_STAB) continue;
    const start = strings + view.readUInt32LE(at);
    const name = view.toString('latin1', start, view.indexOf(0, start));
    const library = view.readUInt8(at + 7);
    found.push({ name, external: (type & N_EXT) !== 0, undefined: (type & N_TYPE) === N_UNDF, library });
  }
  return found;
}
