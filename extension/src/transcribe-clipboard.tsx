import { FileList } from './files/file-list';
import { readClipboardFiles } from './files/selected-files';

export default function TranscribeClipboard() {
  return <FileList find={readClipboardFiles} opensPicker={false} emptyTitle="No Files on the Clipboard" />;
}
