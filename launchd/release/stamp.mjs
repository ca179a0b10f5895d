// Writes the release into the install script, which then needs no other file.

/**
 * @param values `{ version, url, sums }`: address of the files (empty: next to the script), and their sha256 by target
 */
export function stampScript(script, { version, url, sums }) {
  const lines = {
    VERSION: version,
    ADDRESS: url,
    ...Object.fromEntries(
      Object.entries(sums).map(([target, sum]) => [`SHA256_${target.replaceAll('-', '_')}`, sum]),
    ),
  };
  return Object.entries(lines).reduce((text, [name, value]) => {
    if (!/^[\w.:/%~@+-]*$/.test(value)) throw new Error(`${name} can't be ${value}`);
    const line = new RegExp(`^${name}=.*$`, 'm');
    if (!line.test(text)) throw new Error(`install.sh has no line for ${name}`);
    return text.replace(line, () => `${name}=${value}`);
  }, script);
}
