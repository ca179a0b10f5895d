import { Color, List } from '@raycast/api';
import type { ModelRow } from './model-rows';
import {
  bytesText,
  languagesText,
  partialText,
  sourceText,
  speedText,
  stateText,
  taskTitle,
  wordErrorsText,
} from './model-text';
import type { Progress } from './model-text';

const { Metadata } = List.Item.Detail;
/** A model that needs more leaves too little memory for other apps. */
const MAX_MEMORY_SHARE = 1 / 3;

interface Props {
  readonly row: ModelRow;
  readonly progress: Progress | undefined;
  /** Total memory of this Mac. */
  readonly memoryBytes: number;
}

export function ModelMetadata({ row, progress, memoryBytes }: Props) {
  const { name, status, bytes, installed, catalogue, place } = row;
  const { error, fallbackFor, weightBytes, predictedBytes, loadSeconds } = status;
  const partial = partialText(row);
  const wordErrors = wordErrorsText(row);
  const speed = progress === undefined ? '' : speedText(progress);
  const requiredBytes = predictedBytes ?? catalogue?.memoryBytes;
  const isLarge = requiredBytes !== undefined && requiredBytes > memoryBytes * MAX_MEMORY_SHARE;
  const placeLabels = {
    available: 'Available',
    partial: 'Incomplete',
    downloading: 'Downloading',
    installed: 'On This Mac',
  };
  return (
    <List.Item.Detail
      {...(error === undefined ? {} : { markdown: `**${error.message}**\n\n${error.hint}` })}
      metadata={
        <Metadata>
          <Metadata.Label title="State" text={stateText(status) ?? placeLabels[place]} />
          {speed === '' ? null : <Metadata.Label title="Download Speed" text={speed} />}
          {partial === undefined ? null : <Metadata.Label title="Downloaded" text={partial} />}
          {fallbackFor === undefined ? null : <Metadata.Label title="Fallback for" text={fallbackFor.name} />}
          <Metadata.Separator />
          {bytes === undefined ? null : <Metadata.Label title="Size" text={bytesText(bytes)} />}
          {requiredBytes === undefined ? null : (
            <Metadata.Label
              title="Memory"
              text={
                isLarge
                  ? {
                      value: `${bytesText(requiredBytes)} (high for this Mac)`,
                      color: Color.Orange,
                    }
                  : `up to ${bytesText(requiredBytes)}`
              }
            />
          )}
          {weightBytes === undefined ? null : (
            <Metadata.Label title="In Memory Now" text={bytesText(weightBytes)} />
          )}
          {loadSeconds === undefined ? null : (
            <Metadata.Label title="Loaded In" text={`${loadSeconds.toFixed(1)} s`} />
          )}
          {row.tasks.length === 0 ? null : (
            <Metadata.Label title="Tasks" text={row.tasks.map(taskTitle).join(', ')} />
          )}
          {row.languages.length === 0 ? null : (
            <Metadata.Label title="Languages" text={languagesText(row.languages)} />
          )}
          {wordErrors === undefined ? null : <Metadata.Label title="Accuracy" text={wordErrors} />}
          {catalogue === undefined ? null : <CatalogueMetadata {...catalogue} />}
          <Metadata.Separator />
          <Metadata.Label title="Name" text={name} />
          <Metadata.Label title="From" text={sourceText(row)} />
          {installed?.revision === undefined ? null : (
            <Metadata.Label title="Revision" text={installed.revision.slice(0, 8)} />
          )}
        </Metadata>
      }
    />
  );
}

function CatalogueMetadata({
  speed,
  precision,
  parameters,
  license,
  isNonCommercial = false,
}: NonNullable<ModelRow['catalogue']>) {
  return (
    <>
      <Metadata.Label title="Speed" text={speed.charAt(0).toUpperCase() + speed.slice(1)} />
      <Metadata.Label title="Precision" text={precision} />
      <Metadata.Label title="Parameters" text={`${Math.round(parameters / 1e6)} million`} />
      <Metadata.Label title="License" text={isNonCommercial ? `${license} (No Commercial Use)` : license} />
    </>
  );
}
