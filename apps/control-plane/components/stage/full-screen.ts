/** Asks for full screen. Browsers allow it only after a key or a click, and some not at all. */
export function enterFullScreen(): void {
  // Without full screen, the stage fills the window.
  document.documentElement.requestFullscreen?.().catch(() => {});
}

export function leaveFullScreen(): void {
  if (document.fullscreenElement) document.exitFullscreen().catch(() => {});
}

/** Returns whether a key belongs to a field, a menu, a dialog or a shortcut of the browser. */
export function isTyping(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey) return true;
  if (document.querySelector('[role=menu], [role=dialog], [role=alertdialog]') !== null) return true;
  const { target } = event;
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || target.matches('input, textarea, select, [role=slider]'))
  );
}
