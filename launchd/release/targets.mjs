// What a release is made for: one file each.

/**
 * `system`: `<platform>-<arch>`. `macos`: the oldest that runs it, and the wheel of MLX in it. Of two for one system,
 * install.sh takes the newest that fits: MLX for macOS 26 uses the matrix units of newer chips.
 */
export const TARGETS = {
  'darwin-arm64': { system: 'darwin-arm64', macos: '14.0' },
  'darwin-arm64-macos26': { system: 'darwin-arm64', macos: '26.2' },
  'linux-x64': { system: 'linux-x64' },
};
