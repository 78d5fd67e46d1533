/** Within a session its own count decides; a retried batch may arrive late. Sessions keep their order of arrival. */
export function inSessionOrder<E extends { readonly sessionId: string; readonly sequence: number }>(
  events: readonly E[],
): E[] {
  const sessions = [...new Set(events.map(({ sessionId }) => sessionId))];
  return sessions.flatMap((session) =>
    events.filter(({ sessionId }) => sessionId === session).sort((a, b) => a.sequence - b.sequence),
  );
}
