import { saveFile } from '../save-file.ts';

/** Twice the pixels of the page, so that it stays sharp in a document. */
const SCALE = 2;
const MARGIN = 16;
const TITLE_HEIGHT = 28;

/**
 * Hands a chart to the person as a picture, as it looks now: its canvases and SVGs, boxes that say how they are painted
 * (`data-paint`), and the words over them.
 * @param frame  the element that the chart is drawn in
 * @param title  above the chart, so that the picture says by itself what it shows
 */
export async function downloadPng(frame: HTMLElement, title: string, fileName: string): Promise<void> {
  const area = frame.getBoundingClientRect();
  const canvas = document.createElement('canvas');
  const width = area.width + 2 * MARGIN;
  const height = area.height + 2 * MARGIN + TITLE_HEIGHT;
  canvas.width = Math.round(width * SCALE);
  canvas.height = Math.round(height * SCALE);
  const context = canvas.getContext('2d');
  if (context === null) throw new Error('This browser cannot draw the picture.');
  context.scale(SCALE, SCALE);
  const style = getComputedStyle(frame);
  context.fillStyle = style.getPropertyValue('--surface');
  context.fillRect(0, 0, width, height);
  context.fillStyle = style.getPropertyValue('--ink');
  context.font = `600 14px ${style.fontFamily}`;
  context.textBaseline = 'middle';
  context.fillText(title, MARGIN, MARGIN + TITLE_HEIGHT / 3, area.width);
  context.translate(MARGIN, MARGIN + TITLE_HEIGHT);

  const at = (element: Element): Box => {
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
  for (const box of frame.querySelectorAll<HTMLElement>('[data-paint]')) paintBox(context, box, at(box));
  writeWords(context, frame, area);
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'));
  if (blob === null) throw new Error('This browser cannot save the picture.');
  saveFile(blob, fileName);
}

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** `data-paint` is a colour of the page ("--data"); `data-hatched` paints it in stripes, `data-faint` lightly. */
function paintBox(context: CanvasRenderingContext2D, box: HTMLElement, { x, y, width, height }: Box): void {
  const { paint, hatched, faint } = box.dataset;
  context.save();
  context.fillStyle = getComputedStyle(box).getPropertyValue(paint ?? '');
  context.strokeStyle = context.fillStyle;
  context.globalAlpha = faint !== undefined ? 0.4 : hatched !== undefined ? 0.3 : 1;
  context.fillRect(x, y, width, height);
  if (hatched !== undefined) {
    context.globalAlpha = 1;
    context.lineWidth = 2;
    context.beginPath();
    context.rect(x, y, width, height);
    context.clip();
    context.beginPath();
    for (let from = x - height; from < x + width; from += 6) {
      context.moveTo(from, y + height);
      context.lineTo(from + height, y);
    }
    context.stroke();
  }
  context.restore();
}

/** Every visible text at its place; what is turned on its side, as an axis' name is, is turned here too. */
function writeWords(context: CanvasRenderingContext2D, frame: HTMLElement, area: DOMRect): void {
  const texts = document.createTreeWalker(frame, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  for (let text = texts.nextNode(); text !== null; text = texts.nextNode()) {
    const parent = text.parentElement;
    const words = text.textContent?.trim() ?? '';
    if (parent === null || words === '' || parent.closest('svg, .sr-only') !== null) continue;
    range.selectNodeContents(text);
    if (range.getClientRects().length < 2) writeOne(context, words, range, area, getComputedStyle(parent));
    else {
      // It is broken into lines: word for word, each where it stands.
      for (const word of (text.textContent ?? '').matchAll(/\S+/g)) {
        range.setStart(text, word.index);
        range.setEnd(text, word.index + word[0].length);
        writeOne(context, word[0], range, area, getComputedStyle(parent));
      }
    }
  }
}

function writeOne(
  context: CanvasRenderingContext2D,
  words: string,
  place: Range,
  area: DOMRect,
  style: CSSStyleDeclaration,
): void {
  const { x, y, width, height } = place.getBoundingClientRect();
  if (width === 0) return;
  context.save();
  context.translate(x - area.x + width / 2, y - area.y + height / 2);
  if (style.rotate !== 'none' && style.rotate !== '') context.rotate(-Math.PI / 2);
  context.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
  context.fillStyle = style.color;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  context.fillText(words, 0, 0);
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
