/** Style sheets are bundled as text, so that a page without inline styles can adopt them. */
declare module "*.css" {
  const text: string;
  export = text;
}
