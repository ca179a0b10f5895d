/** Transcribe File: what is selected in Finder, else what was copied, else what one chooses. */
import { FileList } from './files/file-list';
import { readClipboardFiles, readFinderSelection } from './files/selected-files';

export default function TranscribeFile() {
  return <FileList find={find} opensPicker emptyTitle="Nothing to transcribe" />;
}

async function find(): Promise<string[]> {
  const selected = await readFinderSelection();
  return selected.length > 0 ? selected : readClipboardFiles();
}
