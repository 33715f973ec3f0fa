/** Where agents connect: the origin of the inference address. An address that is none stays as it is. */
export function dataPlaneUrl(inferenceUrl: string): string {
  return URL.canParse(inferenceUrl) ? new URL(inferenceUrl).origin : inferenceUrl;
}

/** What to run on a machine that is to become a device. */
export function joinCommand(url: string, count = 1): string {
  const more = count > 1 ? ` --count ${count}` : '';
  return `npm run agent -- --url ${url} --token JOIN_TOKEN${more}`;
}
