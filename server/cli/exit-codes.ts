/** 0 done · 1 failed · 2 wrong usage · 3 not found or no server · 4 the gate refused · 5 nothing to learn or to deploy · 130 Ctrl+C. */
export const EXIT = { done: 0, failed: 1, usage: 2, notFound: 3, gate: 4, nothing: 5, interrupted: 130 } as const;
