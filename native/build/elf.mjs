// The part of the ELF format that says how a 64-bit Linux library is loaded.

const MAGIC = 0x464c457f; // "\x7fELF"
const MACHINES = { 62: 'x64', 183: 'arm64' };
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const DT_NEEDED = 1;
const DT_STRTAB = 5;
const DT_RPATH = 15;
const DT_RUNPATH = 29;

export const isElf = (file) => file.length > 64 && file.readUInt32LE(0) === MAGIC;

/**
 * @returns `{ arch, libraries, rpaths }`: target architecture, needed libraries, and the directories to
 * search for them
 */
export function loading(file) {
  const segments = programHeaders(file);
  const dynamic = segments.find(({ type }) => type === PT_DYNAMIC);
  const found = { arch: MACHINES[file.readUInt16LE(18)], libraries: [], rpaths: [] };
  if (dynamic === undefined) return found;
  const entries = [];
  for (let at = dynamic.offset; at < dynamic.offset + dynamic.size; at += 16) {
    entries.push([Number(file.readBigUInt64LE(at)), Number(file.readBigUInt64LE(at + 8))]);
  }
  const strings = entries.find(([tag]) => tag === DT_STRTAB)?.[1] ?? 0;
  const segment = segments.find(
    ({ type, address, size }) => type === PT_LOAD && strings >= address && strings < address + size,
  );
  const table = strings - (segment?.address ?? 0) + (segment?.offset ?? 0);
  const text = (at) => file.toString('utf8', table + at, file.indexOf(0, table + at));
  for (const [tag, value] of entries) {
    if (tag === DT_NEEDED) found.libraries.push(text(value));
    if (tag === DT_RPATH || tag === DT_RUNPATH) found.rpaths.push(...text(value).split(':'));
  }
  return found;
}

function programHeaders(file) {
  const start = Number(file.readBigUInt64LE(32));
  const size = file.readUInt16LE(54);
  return Array.from({ length: file.readUInt16LE(56) }, (_, i) => {
    const at = start + i * size;
    const wide = (offset) => Number(file.readBigUInt64LE(at + offset));
    return { type: file.readUInt32LE(at), offset: wide(8), address: wide(16), size: wide(32) };
  });
}
