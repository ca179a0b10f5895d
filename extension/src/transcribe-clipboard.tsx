/** Transcribe Clipboard: the files that were copied in Finder, or whose paths were copied, without asking. */
import { FileList } from './files/file-list';
import { readClipboardFiles } from './files/selected-files';

export default function TranscribeClipboard() {
  return (
    <FileList find={readClipboardFiles} opensPicker={false} emptyTitle="There is no file on the clipboard" />
  );
}
