/**
 * Finds a Chromium, or installs one.
 * @returns the path of an existing browser; null if there is none, with the reason printed
 */
export function ensureBrowser(root: string): string | null;
