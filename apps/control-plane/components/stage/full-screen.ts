/** Asks for full screen. Browsers allow it only after a key or a click, and some not at all. */
export function enterFullScreen(): void {
  // Without full screen, the stage fills the window.
  document.documentElement.requestFullscreen?.().catch(() => {});
}

export function leaveFullScreen(): void {
  if (document.fullscreenElement) document.exitFullscreen().catch(() => {});
}
