/** The WebSocket below engine.io's transport: that of ws on Node, which can be paused, or a browser's, which cannot. */
export interface TransportSocket {
  pause?(): void;
  resume?(): void;
  onmessage?: ((event: { data: unknown }) => void) | null;
}

/**
 * Lets nothing in any more, pings included, without closing anything. What a browser's socket receives meanwhile is
 * held back; the data plane sends little before it notices the silence.
 * @returns lets through what was held back, in order, and all that follows
 */
export function cutOff(socket: TransportSocket): () => void {
  if (socket.pause !== undefined) {
    socket.pause();
    return () => socket.resume?.();
  }
  const deliver = socket.onmessage;
  const held: { data: unknown }[] = [];
  socket.onmessage = (event) => held.push(event);
  return () => {
    socket.onmessage = deliver ?? null;
    for (const event of held) deliver?.(event);
  };
}
