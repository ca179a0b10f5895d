// The Homebrew formula of a release: it installs the same files as install.sh, checked by their sums.
import { TARGETS } from './targets.mjs';

const indented = (lines) => lines.replaceAll('\n', '\n  ');

/**
 * @param values `{ version, url, sums }`: address of the files, and their sha256 by target
 * @returns the text of `sotto.rb`
 */
export function renderFormula({ version, url, sums }) {
  const file = (target) => `url "${url}/sotto-${version}-${target}.tgz"
    sha256 "${sums[target]}"`;
  const newer = 'darwin-arm64-macos26';
  const oldest = file('darwin-arm64');
  const files =
    sums[newer] === undefined
      ? oldest
      : `if MacOS.full_version >= "${TARGETS[newer].macos}"
      ${indented(file(newer))}
    else
      ${indented(oldest)}
    end`;
  const macos =
    sums['darwin-arm64'] === undefined
      ? ''
      : `
  on_macos do
    depends_on arch: :arm64
    depends_on macos: :sonoma
    ${files}
  end
`;
  const linux =
    sums['linux-x64'] === undefined
      ? ''
      : `
  on_linux do
    depends_on arch: :x86_64
    ${file('linux-x64')}
  end
`;
  return `class Sotto < Formula
  desc "Private dictation and transcription on your own machine"
  homepage "${url}"
  version "${version}"
  license "MIT"
${macos}${linux}
  # The libraries find each other by relative paths, and the release includes Node.js.
  preserve_rpath
  skip_clean "libexec"

  def install
    libexec.install Dir["*"]
    (bin/"sotto").write <<~SH
      #!/bin/sh
      exec "#{opt_libexec}/bin/node" "#{opt_libexec}/daemon/bin/sotto.mjs" "$@"
    SH
  end

  def caveats
    <<~TEXT
      Start Sotto at login:  sotto agent install
      Check this machine:    sotto doctor
    TEXT
  end

  test do
    text = shell_output("#{bin}/sotto transcribe #{libexec}/assets/speech/jfk.flac")
    assert_match "ask not what your country can do for you", text
  end
end
`;
}
