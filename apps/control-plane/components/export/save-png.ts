import { saveFile } from './save-file.ts';

/** Twice the resolution of the page, so that the picture is sharp in a document. */
const SCALE = 2;
const MARGIN = 16;
const TITLE_HEIGHT = 28;

/**
 * Downloads an element of the page as a PNG picture with a title above it.
 * @throws {Error} if the browser cannot create the picture
 */
export async function savePng(element: HTMLElement, title: string, fileName: string): Promise<void> {
  // A part of its own: pages load it only for an export.
  const { toCanvas } = await import('html-to-image');
  const style = getComputedStyle(element);
  const background = style.getPropertyValue('--surface');
  const chart = await toCanvas(element, {
    pixelRatio: SCALE,
    backgroundColor: background,
    // The page has no web fonts.
    skipFonts: true,
    filter: (node) => !node.classList?.contains('sr-only'),
  });
  const canvas = document.createElement('canvas');
  canvas.width = chart.width + 2 * MARGIN * SCALE;
  canvas.height = chart.height + (2 * MARGIN + TITLE_HEIGHT) * SCALE;
  const context = canvas.getContext('2d');
  if (context === null) throw new Error('This browser has no canvas for the picture.');
  context.fillStyle = background;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(chart, MARGIN * SCALE, (MARGIN + TITLE_HEIGHT) * SCALE);
  context.scale(SCALE, SCALE);
  context.fillStyle = style.getPropertyValue('--ink');
  context.font = `600 14px ${style.fontFamily}`;
  context.textBaseline = 'middle';
  context.fillText(title, MARGIN, MARGIN + TITLE_HEIGHT / 3, chart.width / SCALE);
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'));
  if (blob === null) throw new Error('This browser cannot save the picture.');
  saveFile(blob, fileName);
}
