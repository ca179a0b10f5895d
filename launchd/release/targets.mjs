// The targets of a release: one file each.

/**
 * `system`: `<platform>-<arch>`. `macos`: the oldest macOS that runs it, and the MLX wheel in it. Of two targets for a
 * system, install.sh takes the newest that runs: MLX for macOS 26 uses the matrix units of newer chips.
 */
export const TARGETS = {
  'darwin-arm64': { system: 'darwin-arm64', macos: '14.0' },
  'darwin-arm64-macos26': { system: 'darwin-arm64', macos: '26.2' },
  'linux-x64': { system: 'linux-x64' },
};
