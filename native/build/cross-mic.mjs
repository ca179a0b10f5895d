// Builds sotto-mic for macOS on another system, with declarations of our own instead of the SDK's
// (native/macos). It then needs only libSystem and loads the audio frameworks at run time. zig's linker signs
// it ad hoc, without the hardened runtime, which would require a microphone entitlement.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { loading, undefinedSymbols } from './macho.mjs';
import { buildMic, micFlags, SYSTEM_BACKEND } from './mic.mjs';
import { miniaudioHeader } from './miniaudio.mjs';
import { SetupError } from './system.mjs';

/** Provided by the system's loader, but missing in the list of libSystem's exports. */
const STUB_BINDER = 'dyld_stub_binder';

/**
 * @param zig command and first arguments of zig's C compiler for this macOS
 * @param systemNames what libSystem exports
 * @returns the program's path
 */
export async function crossMic(system, root, { target, zig, systemNames }) {
  const miniaudio = await miniaudioHeader(system, path.join(root, 'native/vendor'));
  const output = path.join(root, 'native/lib', `${target}-cross`, 'sotto-mic');
  const flags = micFlags(root, target, miniaudio).filter((flag) => !flag.startsWith('-mmacosx'));
  await buildMic({
    root,
    folder: path.join(root, 'native/obj', `${target}-cross`, 'mic'),
    output,
    flags: [...flags, '-isystem', path.join(root, 'native/macos')],
    link: ['-Wl,-S'],
    cc: (args) => system.run(zig[0], [...zig.slice(1), ...args]),
    backend: path.join(root, 'native/mic', SYSTEM_BACKEND),
  });
  const built = await readFile(output);
  const missing = undefinedSymbols(built).filter((name) => !systemNames.has(name) && name !== STUB_BINDER);
  const { libraries, signed, hardened } = loading(built);
  const unexpected = libraries.filter((library) => library !== '/usr/lib/libSystem.B.dylib');
  const problems = [
    ...missing.map((name) => `${name} is not in libSystem`),
    ...unexpected.map((library) => `it needs ${library}`),
    ...(signed ? [] : ['it has no signature']),
    ...(hardened ? ['it has the hardened runtime'] : []),
  ];
  if (problems.length > 0) {
    throw new SetupError('sotto-mic would not run on macOS.', 'See above.', problems.join('\n'));
  }
  return output;
}
