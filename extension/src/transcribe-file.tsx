/** Transcribe File: the files selected in Finder, else the copied ones, else a file picker. */
import { FileList } from './files/file-list';
import { readClipboardFiles, readFinderSelection } from './files/selected-files';

export default function TranscribeFile() {
  return <FileList find={find} opensPicker emptyTitle="No Files Selected" />;
}

async function find(): Promise<string[]> {
  const selected = await readFinderSelection();
  return selected.length > 0 ? selected : readClipboardFiles();
}
