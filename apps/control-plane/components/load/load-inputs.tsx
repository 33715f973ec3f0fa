'use client';
import type { DeploymentView } from '@sparewheel/protocol';
import { X } from 'lucide-react';
import { describeImage, imageInput } from '../inputs/image-input.ts';
import { INPUT_TITLES, inputKind } from '../inputs/input-kind.ts';
import { Button } from '../ui/button.tsx';
import { formatDims } from '../ui/format.ts';
import { Segmented } from '../ui/segmented.tsx';
import type { Picture } from './picture.ts';
import { PictureCamera, PictureDrawing, PictureFiles } from './picture-sources.tsx';

export type InputSource = 'samples' | 'images' | 'drawing' | 'camera';

const SOURCES = [
  { value: 'samples', label: 'Samples' },
  { value: 'images', label: 'Images' },
  { value: 'drawing', label: 'Drawing' },
  { value: 'camera', label: 'Camera' },
] as const;

/** The limit of a load request. */
const MOST_PICTURES = 16;

/** Chooses the inputs of the requests: samples, or pictures that the browser scales to the model's size. */
export function LoadInputs({
  deployment,
  source,
  pictures,
  onSource,
  onPictures,
}: {
  deployment: DeploymentView;
  source: InputSource;
  pictures: readonly Picture[];
  onSource: (source: InputSource) => void;
  onPictures: (pictures: readonly Picture[]) => void;
}) {
  const kind = inputKind(deployment);
  if (kind === 'line' || kind === 'faces') {
    return (
      <p className="text-xs text-ink-soft">
        The requests contain seeded random numbers. The panel “{INPUT_TITLES[kind]}” sends pictures.
      </p>
    );
  }
  const input = imageInput(deployment.inputs);
  if (input === null) {
    return (
      <p className="text-xs text-ink-soft">
        {deployment.name} takes{' '}
        {deployment.inputs.map(({ name, dims, type }) => `${name} ${formatDims(dims)} ${type}`).join(', ')},
        which is not a picture. The requests contain seeded random numbers.
      </p>
    );
  }
  const add = (more: readonly Picture[]) => onPictures([...pictures, ...more].slice(-MOST_PICTURES));
  return (
    <div className="flex flex-col gap-3">
      <Segmented label="Inputs" value={source} options={SOURCES} onChange={onSource} />
      {source === 'samples' ? (
        <p className="text-xs text-ink-soft">
          {input.width === 28 && input.height === 28 && input.channels === 1
            ? 'Sixteen handwritten digits, in turn.'
            : 'Sixteen pictures of seeded noise, in turn.'}
        </p>
      ) : (
        <>
          {source === 'images' && <PictureFiles input={input} onAdd={add} />}
          {source === 'drawing' && <PictureDrawing input={input} onAdd={add} />}
          {source === 'camera' && <PictureCamera input={input} onAdd={add} />}
          <PictureList
            pictures={pictures}
            onRemove={(gone) => onPictures(pictures.filter((picture) => picture !== gone))}
          />
          <p className="text-xs text-ink-soft">
            {pictures.length === 0 ? 'No pictures yet. ' : ''}The browser crops each picture to its middle and
            scales it to {describeImage(input)}
            {input.channels === 1 ? ', light on dark' : ''}. Requests use the pictures in turn.
          </p>
        </>
      )}
    </div>
  );
}

function PictureList({
  pictures,
  onRemove,
}: {
  pictures: readonly Picture[];
  onRemove: (picture: Picture) => void;
}) {
  if (pictures.length === 0) return null;
  return (
    <ul aria-label="Pictures of the load" className="flex flex-wrap gap-2">
      {pictures.map((picture, index) => (
        <li key={picture.id} className="relative">
          <img
            src={picture.preview}
            alt={`${picture.label}, as the model sees it`}
            className="size-14 rounded-md border bg-black object-contain [image-rendering:pixelated]"
          />
          <Button
            size="icon"
            className="absolute -top-1.5 -right-1.5 size-6 rounded-full shadow-card"
            aria-label={`Remove picture ${index + 1}, ${picture.label}`}
            onClick={() => onRemove(picture)}
          >
            <X />
          </Button>
        </li>
      ))}
    </ul>
  );
}
