/** Sent with every answer. `nonce` allows the inline script and style of the dashboard's page. */
export function securityHeaders(nonce: string | null = null): Record<string, string> {
  const own = nonce === null ? "'self'" : `'self' 'nonce-${nonce}'`;
  return {
    "Content-Security-Policy":
      `default-src 'none'; script-src ${own}; style-src ${own}; img-src 'self' data:; connect-src 'self'; ` +
      `frame-ancestors 'none'; base-uri 'none'; form-action 'none'`,
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
  };
}
