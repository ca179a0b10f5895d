/** A repository of the local hub: commits of files, stored in git or, if large, as an LFS pointer. */
import { createHash } from 'node:crypto';

/** The real hub selects LFS files mostly by name; here the size decides. */
const LFS_FROM_BYTES = 1024;

export interface HubFile {
  readonly path: string;
  readonly content: Buffer;
  /** git's object id of the content or the pointer. */
  readonly oid: string;
  readonly lfs?: { readonly oid: string; readonly size: number; readonly pointerSize: number };
  readonly pointer?: string;
}

export interface HubRepo {
  readonly id: string;
  readonly gated: false | 'auto' | 'manual';
  readonly private: boolean;
  /** Tokens with read access to a private repository. */
  readonly readers: readonly string[];
  /** Branches and tags. */
  readonly refs: Map<string, string>;
  readonly commits: Map<string, readonly HubFile[]>;
}

export const sha256 = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');
export const gitBlob = (data: string | Uint8Array): string =>
  createHash('sha1')
    .update(`blob ${Buffer.byteLength(data)}\0`)
    .update(data)
    .digest('hex');

export function hubFile(path: string, data: string | Uint8Array): HubFile {
  const content = Buffer.from(data);
  if (content.length < LFS_FROM_BYTES) return { path, content, oid: gitBlob(content) };
  const oid = sha256(content);
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize ${content.length}\n`;
  return {
    path,
    content,
    oid: gitBlob(pointer),
    lfs: { oid, size: content.length, pointerSize: pointer.length },
    pointer,
  };
}

/** The id of a commit with these files. */
export function commitOf(files: readonly HubFile[], parent = ''): string {
  const tree = files.map(({ path, oid }) => `${path} ${oid}`).join('\n');
  return createHash('sha1').update(`tree ${tree} parent ${parent}`).digest('hex');
}

/** An entry of the tree API. */
export function treeEntry({ path, content, oid, lfs }: HubFile): Record<string, unknown> {
  return {
    type: 'file',
    oid,
    size: content.length,
    ...(lfs !== undefined && { lfs, xetHash: sha256(`xet ${lfs.oid}`) }),
    path,
  };
}
