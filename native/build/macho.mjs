// Just enough of the Mach-O format to list a 64-bit library's symbols, so that no foreign binutils are needed.

const MAGIC_64 = 0xfeedfacf;
const MAGIC_FAT = 0xcafebabe;
const LC_SYMTAB = 0x2;
const CPU_ARM64 = 0x0100000c;

const N_STAB = 0xe0; // debugging entry
const N_TYPE = 0x0e;
const N_EXT = 0x01;
const N_UNDF = 0x0;

/** Names that the library exports. */
export function exportedSymbols(file) {
  return new Set(
    symbols(file)
      .filter((s) => s.external && !s.undefined)
      .map((s) => s.name),
  );
}

/** Names that the library leaves to others. */
export function undefinedSymbols(file) {
  return symbols(file)
    .filter((s) => s.external && s.undefined)
    .map((s) => s.name);
}

function symbols(file) {
  const view = arm64Slice(file);
  if (view.readUInt32LE(0) !== MAGIC_64) throw new Error('not a 64-bit Mach-O file');
  const commands = view.readUInt32LE(16);
  for (let i = 0, at = 32; i < commands; i++, at += view.readUInt32LE(at + 4)) {
    if (view.readUInt32LE(at) === LC_SYMTAB) {
      return table(view, view.readUInt32LE(at + 8), view.readUInt32LE(at + 12), view.readUInt32LE(at + 16));
    }
  }
  throw new Error('the file has no symbol table');
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
    found.push({ name, external: (type & N_EXT) !== 0, undefined: (type & N_TYPE) === N_UNDF });
  }
  return found;
}
