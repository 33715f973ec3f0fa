import { saveFile } from '../save-file.ts';

/** Twice the pixels of the page, so that it stays sharp in a document. */
const SCALE = 2;

/**
 * Hands a chart to the person as a picture, as it looks now: its canvases and SVGs, and the words laid over them.
 * @param frame  the element that the chart is drawn in
 */
export async function downloadPng(frame: HTMLElement, fileName: string): Promise<void> {
  const area = frame.getBoundingClientRect();
  const canvas = document.createElement('canvas');
  canvas.width = Math.round(area.width * SCALE);
  canvas.height = Math.round(area.height * SCALE);
  const context = canvas.getContext('2d');
  if (context === null) throw new Error('This browser cannot draw the picture.');
  context.scale(SCALE, SCALE);
  context.fillStyle = getComputedStyle(frame).getPropertyValue('--surface');
  context.fillRect(0, 0, area.width, area.height);

  const at = (element: Element) => {
    const box = element.getBoundingClientRect();
    return { x: box.x - area.x, y: box.y - area.y, width: box.width, height: box.height };
  };
  for (const drawn of frame.querySelectorAll('canvas')) {
    const { x, y, width, height } = at(drawn);
    context.drawImage(drawn, x, y, width, height);
    context.strokeStyle = getComputedStyle(drawn).borderBottomColor;
    context.strokeRect(x, y, width, height);
  }
  for (const svg of frame.querySelectorAll('svg')) {
    const { x, y, width, height } = at(svg);
    context.drawImage(await pictureOf(svg), x, y, width, height);
  }
  for (const words of frame.querySelectorAll('span')) writeWords(context, words, at(words));
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'));
  if (blob === null) throw new Error('This browser cannot save the picture.');
  saveFile(blob, fileName);
}

/** Upright words at their place; what is turned on its side is an axis' name, and is turned here too. */
function writeWords(
  context: CanvasRenderingContext2D,
  words: HTMLElement,
  { x, y, width, height }: { x: number; y: number; width: number; height: number },
): void {
  const style = getComputedStyle(words);
  context.save();
  context.translate(x + width / 2, y + height / 2);
  if (height > width) context.rotate(-Math.PI / 2);
  context.font = `${style.fontSize} ${style.fontFamily}`;
  context.fillStyle = style.color;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  context.fillText(words.textContent ?? '', 0, 0);
  context.restore();
}

const PAINT = ['fill', 'stroke', 'opacity', 'fill-opacity', 'stroke-width', 'font-size', 'font-family'];

/** An SVG by itself knows nothing of the page's style sheet: what it is painted with is written into it. */
async function pictureOf(svg: SVGSVGElement): Promise<HTMLImageElement> {
  const copy = svg.cloneNode(true) as SVGSVGElement;
  const originals = [svg, ...svg.querySelectorAll('*')];
  [copy, ...copy.querySelectorAll('*')].forEach((element, index) => {
    const original = originals[index];
    if (original === undefined) return;
    const style = getComputedStyle(original);
    for (const property of PAINT) element.setAttribute(property, style.getPropertyValue(property));
  });
  const { width, height } = svg.getBoundingClientRect();
  copy.setAttribute('width', String(width));
  copy.setAttribute('height', String(height));
  copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  const text = new XMLSerializer().serializeToString(copy);
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await image.decode();
  return image;
}
